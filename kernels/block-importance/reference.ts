import { compressedBlocks } from "../compress-blocks/compress-blocks.ts";
import { requireShape } from "../numeric-array.ts";
import { FORCED, LOCAL_BEFORE, type BlockImportance } from "./block-importance.ts";

/**
 * Importance of blocks in NSA (arXiv 2502.11089, eq. 9 and 10): p[j] = sum over m < select / stride, n < block / stride of
 * p_cmp[(select / stride) j + m - n]. The formula as printed (j counted from 1) does not align for blocks counted from 0; this one
 * weighs every compressed block by the strides that it has in common with block j.
 */
export const blockImportance: BlockImportance = (input) => {
  const { probabilities, rows, queryHeads, kvHeads, block, stride, select, start } = input;
  const compressed = compressedBlocks(input, start + rows);
  requireShape("probabilities", probabilities, [rows, queryHeads, compressed]);
  const blocks = Math.ceil((start + rows) / select);
  const out = new Float64Array(rows * kvHeads * blocks);
  const group = queryHeads / kvHeads;
  const [wide, deep] = [select / stride, block / stride];
  for (let n = 0; n < rows * kvHeads; n++) {
    const own = Math.floor((start + Math.floor(n / kvHeads)) / select);
    for (let j = 0; j <= own; j++) {
      const forced = j === 0 || j >= own - LOCAL_BEFORE;
      let sum = 0;
      for (let head = n * group; head < (n + 1) * group && !forced; head++)
        for (let m = 0; m < wide; m++)
          for (let k = 0; k < deep; k++) {
            const i = wide * j + m - k;
            if (i >= 0 && i < compressed) sum += probabilities[head * compressed + i]!;
          }
      out[n * blocks + j] = forced ? FORCED : sum;
    }
  }
  return out;
};
