import { requireShape } from "../numeric-array.ts";
import { ropeFrequency, type Rope } from "./rope.ts";

/**
 * RoPE (arXiv 2104.09864, eq. 34, in the NeoX pairing). HySparse (arXiv 2602.03560) caches K after it and rotates q' at
 * its own position, so a sparse layer shares the full layer's K as it is.
 */
export const rope: Rope = ({ x, heads, headDim, start, ...turn }) => {
  const rows = x.length / (heads * headDim);
  requireShape("x", x, [rows | 0, heads, headDim]);
  const half = headDim / 2;
  const { scale = 1 } = turn;
  const out = new Float64Array(x.length);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < half; i++) {
      const angle = (start + row) * ropeFrequency(turn, headDim, i);
      const cos = scale * Math.cos(angle);
      const sin = scale * Math.sin(angle);
      for (let head = 0; head < heads; head++) {
        const at = (row * heads + head) * headDim + i;
        out[at] = x[at]! * cos - x[at + half]! * sin;
        out[at + half] = x[at + half]! * cos + x[at]! * sin;
      }
    }
  }
  return out;
};
