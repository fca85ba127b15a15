import type { LayerPlan } from "../designs/plan.ts";
import type { OracleSelection, Selection } from "../engine/selection.ts";
import type { Architecture } from "../model/architecture.ts";
import { toHalves } from "../model/float16.ts";
import type { OracleTable, SelectionTable } from "../protocol/selection-table.ts";

/**
 * The selection of queries 0 .. tokens - 1 as plain data, in arrays of its own: what the runner decoded after the document
 * is left out. `tokenStarts` is [tokens + 1], UTF-16.
 */
export function selectionTable(
  a: Architecture,
  plan: readonly LayerPlan[],
  selection: Selection,
  tokenStarts: Uint32Array<ArrayBuffer>,
): SelectionTable {
  const tokens = tokenStarts.length - 1;
  return {
    tokens,
    block: a.block,
    window: a.window,
    tokenStarts,
    oracles: selection.oracles.map((oracle): OracleTable => {
      const { layer, kvHeads, slots } = oracle;
      const size = tokens * kvHeads * slots;
      return {
        layer,
        feeds: [...(plan[layer]?.feeds ?? [])],
        kvHeads,
        slots,
        blocks: oracle.blocks.slice(0, size),
        scores: toHalves(oracle.scores.subarray(0, size)),
      };
    }),
  };
}

/** Per block, how many pairs of a query below `tokens` and a KV head selected it. [ceil(tokens / block)] */
export function timesSelected(oracle: OracleSelection, tokens: number, block: number): number[] {
  const counts = new Array<number>(Math.ceil(tokens / block)).fill(0);
  const { blocks, none } = oracle;
  const size = tokens * oracle.kvHeads * oracle.slots;
  for (let i = 0; i < size; i++) {
    const index = blocks[i]!;
    if (index !== none) counts[index]!++;
  }
  return counts;
}
