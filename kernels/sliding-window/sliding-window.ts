import type { NumericArray } from "../numeric-array.ts";

/** Softmax attention of q' over the last w tokens, the query's own included, and the first F of the context. */
export interface SlidingWindowInput {
  /** q' [C, Hq, d], rotated; row c stands at position start + c. */
  readonly queries: NumericArray;
  /**
   * k' [Hkv, rows, d], rotated: row r < F holds position r, a later one position from + r - F. Must cover 0 .. F - 1 and
   * max(F, start - w + 1) .. start + C - 1, as far as these are before start + C; rows that a query does not see are
   * never read for it.
   */
  readonly keys: NumericArray;
  /** v' [Hkv, rows, d] */
  readonly values: NumericArray;
  /** Position of row F: at least F, at most max(F, start - w + 1). */
  readonly from: number;
  /** F: a query sees positions 0 .. F - 1, too; 0 when absent. */
  readonly first?: number;
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
