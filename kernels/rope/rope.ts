import type { NumericArray } from "../numeric-array.ts";

/** Rotary position embedding over the whole head dim, in the rotate-half (NeoX) pairing. */
export interface RopeInput {
  /** [C, H, d], H query or KV heads; d even. */
  readonly x: NumericArray;
  readonly heads: number;
  readonly headDim: number;
  /** Absolute position of row 0; row c stands at start + c. */
  readonly start: number;
  readonly base: number;
}

/**
 * With angle = (start + c) * base^(-2 i / d), the pair (x[i], x[i + d / 2]) is turned by it:
 * y[i] = x[i] cos - x[i + d / 2] sin, y[i + d / 2] = x[i + d / 2] cos + x[i] sin. [C, H, d]
 */
export type Rope = (input: RopeInput) => Float64Array;
