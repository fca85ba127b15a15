import type { NumericArray } from "../numeric-array.ts";

/** Blocks of `block` consecutive tokens, each of which begins `stride` tokens after the one before it. */
export interface Strides {
  readonly block: number;
  /** Divides `block`. */
  readonly stride: number;
}

/** A learned map of a block's keys (or values) to one; the same for all KV heads. */
export interface CompressionMap {
  /** Added to the row at each place of a block: [block, d]. */
  readonly position: NumericArray;
  /** [d, block d], over a block's rows one after the other. */
  readonly inner: NumericArray;
  /** [d, d] */
  readonly outer: NumericArray;
}

/** Keys, or values, of some blocks, to be made one of each. */
export interface CompressBlocksInput extends Strides {
  /** [Hkv, rows, d]: row r holds position from + r. */
  readonly rows: NumericArray;
  readonly from: number;
  readonly map: CompressionMap;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Blocks first .. end - 1, all of whose tokens are among the rows. */
  readonly first: number;
  readonly end: number;
}

/** outer silu(inner (rows + position)) of each block: [end - first, Hkv, d] */
export type CompressBlocks = (input: CompressBlocksInput) => Float64Array;

/** Blocks all of whose tokens are among the first `tokens`: what a query at tokens - 1 sees. */
export function compressedBlocks({ block, stride }: Strides, tokens: number): number {
  return tokens < block ? 0 : Math.floor((tokens - block) / stride) + 1;
}
