import type { Rmsnorm } from "./rmsnorm.ts";

/** Pre-norm of every layer and the final norm (HySparse, arXiv 2602.03560, section 3: RMSNorm, no mean, no bias). */
export const rmsnorm: Rmsnorm = ({ x, weight, eps }) => {
  const width = weight.length;
  const rows = x.length / width;
  const out = new Float64Array(x.length);
  for (let row = 0; row < rows; row++) {
    let squares = 0;
    for (let e = 0; e < width; e++) squares += x[row * width + e]! ** 2;
    const root = Math.sqrt(squares / width + eps);
    for (let e = 0; e < width; e++) out[row * width + e] = (x[row * width + e]! / root) * weight[e]!;
  }
  return out;
};
