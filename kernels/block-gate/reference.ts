import { requireShape } from "../numeric-array.ts";
import type { BlockGate } from "./block-gate.ts";

/** The gate of MoBA (arXiv 2502.13189, eq. 6): affinity of a query head to a block, the dot product with its mean key. */
export const blockGate: BlockGate = ({ queries, means, queryHeads, kvHeads, headDim, block, start }) => {
  const rows = queries.length / (queryHeads * headDim);
  const room = means.length / (kvHeads * headDim);
  requireShape("queries", queries, [rows | 0, queryHeads, headDim]);
  requireShape("means", means, [kvHeads, room | 0, headDim]);
  const blocks = Math.ceil((start + rows) / block);
  const scores = new Float64Array(rows * queryHeads * blocks);
  for (let n = 0; n < rows * queryHeads; n++) {
    const own = Math.floor((start + Math.floor(n / queryHeads)) / block);
    const kvHead = Math.floor(((n % queryHeads) * kvHeads) / queryHeads);
    for (let i = 0; i < own; i++) {
      const at = (kvHead * room + i) * headDim;
      for (let c = 0; c < headDim; c++) scores[n * blocks + i]! += queries[n * headDim + c]! * means[at + c]!;
    }
  }
  return scores;
};
