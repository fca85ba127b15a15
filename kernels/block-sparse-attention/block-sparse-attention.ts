import type { NumericArray } from "../numeric-array.ts";

/** Softmax attention of q' over selected blocks of a full layer's cache. */
export interface BlockSparseAttentionInput {
  /** q' [C, Hq, d], rotated at its own position; row c stands at start + c. */
  readonly queries: NumericArray;
  /** The full layer's cache [Hkv, T, d], rotated; T >= start + C. */
  readonly keys: NumericArray;
  /** [Hkv, T, d] */
  readonly values: NumericArray;
  /**
   * [C, lists, k / B]: the first slots hold visible blocks without repeats, NO_BLOCK ends the list. At least one is used.
   * Of the block that holds the query's own position only positions <= it are read; a partial last block likewise.
   */
  readonly blocks: Int32Array;
  /** Lists of a query: Hkv when absent, so that the heads of a group share one, or Hq, one for each head. */
  readonly lists?: number;
  /** [Hq]; minus infinity for none. */
  readonly sinks: NumericArray;
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** B */
  readonly block: number;
  /** k / B */
  readonly slots: number;
  readonly start: number;
}

/** o~ [C, Hq, d] */
export type BlockSparseAttention = (input: BlockSparseAttentionInput) => Float64Array;
