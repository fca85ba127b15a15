import { requireShape } from "../numeric-array.ts";
import type { BlockMeans } from "./block-means.ts";

/**
 * What a block is known by to those who choose among blocks (MoBA, arXiv 2502.13189, eq. 6): the mean of its keys, after RoPE.
 * A block that still fills has none: only its own queries see it, and they read it whatever its mean.
 */
export const blockMeans: BlockMeans = ({ keys, kvHeads, headDim, block, tokens }) => {
  const room = keys.length / (kvHeads * headDim);
  requireShape("keys", keys, [kvHeads, room | 0, headDim]);
  const blocks = Math.floor(tokens / block);
  const means = new Float64Array(kvHeads * blocks * headDim);
  for (let head = 0; head < kvHeads; head++) {
    for (let key = 0; key < blocks * block; key++) {
      const to = (head * blocks + Math.floor(key / block)) * headDim;
      for (let c = 0; c < headDim; c++) means[to + c]! += keys[(head * room + key) * headDim + c]! / block;
    }
  }
  return means;
};
