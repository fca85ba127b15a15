import { rmsnorm } from "../rmsnorm/reference.ts";
import type { HeadNorm } from "./head-norm.ts";

/** Biases as in Qwen2 (arXiv 2407.10671, section 2.2), norms of q and k as in Qwen3 (arXiv 2505.09388, section 2). */
export const headNorm: HeadNorm = ({ projected, rows, queryHeads, kvHeads, headDim: d, bias, norm, eps }) => {
  const out = Float64Array.from(projected);
  const width = projected.length / rows;
  for (let row = 0; row < rows; row++) {
    for (let head = 0; head < queryHeads + 2 * kvHeads; head++) {
      const at = row * width + head * d;
      const x = out.subarray(at, at + d);
      if (bias !== undefined) x.forEach((value, i) => (x[i] = value + bias[head * d + i]!));
      if (norm === undefined || head >= queryHeads + kvHeads) continue;
      const first = head < queryHeads ? 0 : d;
      x.set(rmsnorm({ x, weight: norm.subarray(first, first + d), eps }));
    }
  }
  return out;
};
