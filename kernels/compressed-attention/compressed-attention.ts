import type { Strides } from "../compress-blocks/compress-blocks.ts";
import type { FullAttentionInput } from "../full-attention/full-attention.ts";
import type { NumericArray } from "../numeric-array.ts";

/** Softmax attention over blocks that are one key and one value each, as far as all of their tokens are visible. */
export interface CompressedAttentionInput extends Strides, Omit<FullAttentionInput, "keys" | "values"> {
  /** [Hkv, room, d]; the rows of blocks that no query sees are never read. */
  readonly keys: NumericArray;
  /** [Hkv, room, d] */
  readonly values: NumericArray;
}

export interface CompressedAttentionOutput {
  /** [C, Hq, d]; zeros where a query sees no block. */
  readonly out: Float64Array;
  /** [C, Hq, compressedBlocks(start + C)]; 0 for blocks that a query does not see. */
  readonly probabilities: Float64Array;
}

export type CompressedAttention = (input: CompressedAttentionInput) => CompressedAttentionOutput;
