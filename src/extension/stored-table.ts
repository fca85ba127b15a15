import { deserialize, serialize } from "node:v8";
import type { Report } from "../protocol/report.ts";
import { blockIn } from "../report/plan.ts";
import { selectionTableSchema, type SelectionTable } from "../protocol/selection-table.ts";

/** A larger table is not kept across reloads: it would cost more to read than the convenience is worth. */
export const MOST_TABLE_BYTES = 64 * 2 ** 20;

/** The table's bytes for a file, or undefined where it is too large to keep. */
export function tableBytes(table: SelectionTable): Uint8Array | undefined {
  const size = table.oracles.reduce((sum, { blocks, scores }) => sum + blocks.byteLength + scores.byteLength, 0);
  return size > MOST_TABLE_BYTES ? undefined : serialize(table);
}

/** The table that was kept with `report`, or undefined where the bytes hold anything else. */
export function readTable(bytes: Uint8Array, report: Report): SelectionTable | undefined {
  let value: unknown;
  try {
    value = deserialize(bytes);
  } catch {
    return undefined;
  }
  const parsed = selectionTableSchema.safeParse(value);
  return parsed.success && fits(parsed.data, report) ? parsed.data : undefined;
}

/** Every array has the length that the numbers say, and the tokens are the report's. */
function fits(table: SelectionTable, report: Report): boolean {
  const { tokens, tokenStarts, block, oracles } = table;
  return (
    tokens === report.document.tokens &&
    block === blockIn(report) &&
    tokenStarts.length === tokens + 1 &&
    (tokenStarts[tokens] ?? Infinity) <= report.document.characters &&
    oracles.every(({ kvHeads, slots, blocks, scores }) => {
      const size = tokens * kvHeads * slots;
      return blocks.length === size && scores.length === size;
    })
  );
}
