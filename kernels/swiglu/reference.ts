import { requireShape } from "../numeric-array.ts";
import type { Swiglu } from "./swiglu.ts";

/** SwiGLU (arXiv 2002.05202, eq. 5 and 6), the MLP of HySparse (arXiv 2602.03560, section 3). */
export const swiglu: Swiglu = ({ gate, up }) => {
  requireShape("up", up, [gate.length]);
  const out = new Float64Array(gate.length);
  for (let i = 0; i < out.length; i++) out[i] = (gate[i]! / (1 + Math.exp(-gate[i]!))) * up[i]!;
  return out;
};
