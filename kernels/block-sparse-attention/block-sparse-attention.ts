import type { NumericArray } from "../numeric-array.ts";

/** Softmax attention of q' over the selected blocks of the preceding full layer's cache. */
export interface BlockSparseAttentionInput {
  /** q' [C, Hq, d], rotated at its own position; row c stands at start + c. */
  readonly queries: NumericArray;
  /** The full layer's cache [Hkv, T, d], rotated; T >= start + C. */
  readonly keys: NumericArray;
  /** [Hkv, T, d] */
  readonly values: NumericArray;
  /**
   * [C, Hkv, k / B]: the first slots hold visible blocks without repeats, NO_BLOCK ends the list. At least one is used.
   * Of the block that holds the query's own position only positions <= it are read; a partial last block likewise.
   */
  readonly blocks: Int32Array;
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
