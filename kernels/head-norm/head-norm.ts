import type { NumericArray } from "../numeric-array.ts";

/** What some decoders do to projected queries, keys and values before RoPE: a bias, and RMSNorm of each head's q and k. */
export interface HeadNormInput {
  /** Rows q | k | v | extra: [C, (Hq + 2 Hkv) d + extra]. */
  readonly projected: NumericArray;
  /** C */
  readonly rows: number;
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** q | k | v, [(Hq + 2 Hkv) d]; none is added when absent. */
  readonly bias?: NumericArray | undefined;
  /** Weights of q's norm and of k's, [2, d]; neither is normed when absent. */
  readonly norm?: NumericArray | undefined;
  readonly eps: number;
}

/** The same rows after both; what stands behind v in a row stays as it is. */
export type HeadNorm = (input: HeadNormInput) => Float64Array;
