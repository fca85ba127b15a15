import { requireShape } from "../numeric-array.ts";
import type { CompressBlocks } from "./compress-blocks.ts";

/**
 * The map phi of NSA (arXiv 2502.11089, eq. 7): an MLP over the keys of a block, to each of which a learned vector of its place in
 * the block is added. The paper gives no widths; ours has one hidden layer of d values with SiLU, and no biases.
 */
export const compressBlocks: CompressBlocks = ({ rows, from, map, kvHeads, headDim: d, block, stride, first, end }) => {
  const held = rows.length / (kvHeads * d);
  requireShape("rows", rows, [kvHeads, held | 0, d]);
  requireShape("position", map.position, [block, d]);
  requireShape("inner", map.inner, [d, block * d]);
  requireShape("outer", map.outer, [d, d]);
  const out = new Float64Array(kvHeads * (end - first) * d);
  const hidden = new Float64Array(d);
  for (let n = 0; n < kvHeads * (end - first); n++) {
    const i = first + Math.floor(n / kvHeads);
    const at = ((n % kvHeads) * held + i * stride - from) * d;
    for (let c = 0; c < d; c++) {
      let sum = 0;
      for (let p = 0; p < block * d; p++) sum += map.inner[c * block * d + p]! * (rows[at + p]! + map.position[p]!);
      hidden[c] = sum / (1 + Math.exp(-sum));
    }
    for (let c = 0; c < d; c++) for (let p = 0; p < d; p++) out[n * d + c]! += map.outer[c * d + p]! * hidden[p]!;
  }
  return out;
};
