import type { Strides } from "../compress-blocks/compress-blocks.ts";
import type { NumericArray } from "../numeric-array.ts";

/** Softmax attention over blocks that are one key and one value each, as far as all of their tokens are visible. */
export interface CompressedAttentionInput extends Strides {
  /** [C, Hq, d], rotated; row c stands at position start + c. */
  readonly queries: NumericArray;
  /** [Hkv, room, d]; the rows of blocks that no query sees are never read. */
  readonly keys: NumericArray;
  /** [Hkv, room, d] */
  readonly values: NumericArray;
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly start: number;
}

export interface CompressedAttentionOutput {
  /** [C, Hq, d]; zeros where a query sees no block. */
  readonly out: Float64Array;
  /** [C, Hq, compressedBlocks(start + C)]; 0 for blocks that a query does not see. */
  readonly probabilities: Float64Array;
}

export type CompressedAttention = (input: CompressedAttentionInput) => CompressedAttentionOutput;
