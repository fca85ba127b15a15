import { requireShape } from "../numeric-array.ts";
import { NO_BLOCK, type BlockTopk } from "./block-topk.ts";

/**
 * I[t, h] = the k / B blocks of largest S (HySparse, arXiv 2602.03560, selection after eq. 3). Where the paper is silent:
 * a block with no visible key is never taken, fewer visible blocks than k / B are all taken, equal scores go to the lower
 * block, indices ascend, and the query's own block competes like any other. Of `forced` blocks none competes (in MoBA, arXiv
 * 2502.13189, that is the query's own).
 */
export const blockTopk: BlockTopk = ({ scores, kvHeads, blocks, slots, block, start, forced }) => {
  const rows = scores.length / (kvHeads * blocks);
  requireShape("scores", scores, [rows | 0, kvHeads, blocks]);
  const chosen = new Int32Array(rows * kvHeads * slots).fill(NO_BLOCK);
  const chosenScores = new Float64Array(rows * kvHeads * slots);
  for (let row = 0; row < rows; row++) {
    const visible = Math.floor((start + row) / block) + 1;
    for (let head = 0; head < kvHeads; head++) {
      const from = (row * kvHeads + head) * blocks;
      const score = (i: number): number => scores[from + i]!;
      const isForced = (i: number): boolean => forced !== undefined && (i < forced.first || i >= visible - forced.last);
      const rank = (i: number): number => (isForced(i) ? Infinity : score(i));
      const best = Array.from({ length: visible }, (_, i) => i)
        .sort((a, b) => (rank(a) === rank(b) ? a - b : rank(b) - rank(a)))
        .slice(0, slots)
        .sort((a, b) => a - b);
      best.forEach((i, slot) => {
        chosen[(row * kvHeads + head) * slots + slot] = i;
        chosenScores[(row * kvHeads + head) * slots + slot] = score(i);
      });
    }
  }
  return { blocks: chosen, scores: chosenScores };
};
