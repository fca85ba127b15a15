import type { NumericArray } from "../numeric-array.ts";

/** Softmax attention of q' over the last w tokens, the query's own included. */
export interface SlidingWindowInput {
  /** q' [C, Hq, d], rotated; row c stands at position start + c. */
  readonly queries: NumericArray;
  /**
   * k' [Hkv, rows, d], rotated: row r holds position first + r. Must cover max(0, start - w + 1) .. start + C - 1; rows
   * outside a query's window are never read for it.
   */
  readonly keys: NumericArray;
  /** v' [Hkv, rows, d] */
  readonly values: NumericArray;
  /** Position of the first key, at most max(0, start - w + 1). */
  readonly first: number;
  /** [Hq]; minus infinity for none. */
  readonly sinks: NumericArray;
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** w: the query at t sees t - w + 1 .. t. */
  readonly window: number;
  readonly start: number;
}

/** o' [C, Hq, d] */
export type SlidingWindow = (input: SlidingWindowInput) => Float64Array;
