import type { NumericArray } from "../numeric-array.ts";

/** RMSNorm of every row. */
export interface RmsnormInput {
  /** [C, E] */
  readonly x: NumericArray;
  /** [E] */
  readonly weight: NumericArray;
  /** Added to the mean square before the root; positive, so that a row of zeros gives zeros. */
  readonly eps: number;
}

/** y[c, e] = x[c, e] / sqrt(mean over e of x[c, e]^2 + eps) * weight[e]. [C, E] */
export type Rmsnorm = (input: RmsnormInput) => Float64Array;
