import { requireShape } from "../numeric-array.ts";
import type { Linear } from "./linear.ts";

/** Every projection of the model, and its head: q, k, v, gates, o, MLP (HySparse, arXiv 2602.03560, eq. 1-9). */
export const linear: Linear = ({ x, weight, inputs }) => {
  const rows = x.length / inputs;
  const outputs = weight.length / inputs;
  requireShape("x", x, [rows | 0, inputs]);
  requireShape("weight", weight, [outputs | 0, inputs]);
  const out = new Float64Array(rows * outputs);
  for (let row = 0; row < rows; row++) {
    for (let o = 0; o < outputs; o++) {
      const xAt = row * inputs;
      const weightAt = o * inputs;
      let sum = 0;
      for (let i = 0; i < inputs; i++) sum += x[xAt + i]! * weight[weightAt + i]!;
      out[row * outputs + o] = sum;
    }
  }
  return out;
};
