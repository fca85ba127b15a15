import type { Strides } from "../compress-blocks/compress-blocks.ts";
import type { NumericArray } from "../numeric-array.ts";

/** Above every importance, which is at most the heads of a group times the strides of a compressed block. */
export const FORCED = 1e30;

/** Blocks before a query's own that are always read, beside its own and the first. */
export const LOCAL_BEFORE = 1;

/** What every query and KV head makes of the blocks that it may read, by its attention to compressed ones. */
export interface BlockImportanceInput extends Strides {
  /** [C, Hq, compressedBlocks(start + C)], as compressed-attention gives them. */
  readonly probabilities: NumericArray;
  readonly rows: number;
  readonly queryHeads: number;
  readonly kvHeads: number;
  /** Tokens of a block that is read, a multiple of the stride. */
  readonly select: number;
  readonly start: number;
}

/**
 * The sum, over the heads of a group, of the weights of compressed blocks, each as often as it shares a stride with the block;
 * FORCED for the first block, the query's own and the one before it; 0 for later ones. [C, Hkv, ceil((start + C) / select)]
 */
export type BlockImportance = (input: BlockImportanceInput) => Float64Array;
