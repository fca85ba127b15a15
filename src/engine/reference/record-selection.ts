import type { BlockTopkOutput } from "../../../kernels/block-topk/block-topk.ts";
import { NO_BLOCK } from "../../../kernels/block-topk/block-topk.ts";
import type { OracleSelection } from "../selection.ts";
import type { Chunk } from "./attention.ts";

/** Writes what an oracle chose for the queries of `chunk` into its record, which must have room for them. */
export function recordSelection(record: OracleSelection, { start, rows }: Chunk, chosen: BlockTopkOutput): void {
  const at = start * record.kvHeads * record.slots;
  chosen.blocks.forEach((block, i) => {
    record.blocks[at + i] = block === NO_BLOCK ? record.none : block;
    record.scores[at + i] = chosen.scores[i]!;
  });
  record.length = start + rows;
}
