import { requireShape } from "../numeric-array.ts";
import type { GateFusion } from "./gate-fusion.ts";

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** o = sigmoid(W_g~ x) * o~ + sigmoid(W_g' x) * o', eq. 9 of HySparse (arXiv 2602.03560). */
export const gateFusion: GateFusion = ({ sparse, window, sparseGate, windowGate, queryHeads, headDim, kind }) => {
  const rows = sparse.length / (queryHeads * headDim);
  const shared = kind === "head" ? headDim : 1;
  requireShape("window", window, [rows, queryHeads, headDim]);
  requireShape("sparseGate", sparseGate, [rows, (queryHeads * headDim) / shared]);
  requireShape("windowGate", windowGate, [rows, (queryHeads * headDim) / shared]);
  const out = new Float64Array(sparse.length);
  for (let i = 0; i < out.length; i++) {
    const gate = Math.floor(i / shared);
    out[i] = sigmoid(sparseGate[gate]!) * sparse[i]! + sigmoid(windowGate[gate]!) * window[i]!;
  }
  return out;
};
