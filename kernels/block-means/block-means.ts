import type { NumericArray } from "../numeric-array.ts";

/** The mean key of every block that is full. */
export interface BlockMeansInput {
  /** [Hkv, T, d], rotated; rows from `tokens` on are reserved room and are never read. */
  readonly keys: NumericArray;
  readonly kvHeads: number;
  readonly headDim: number;
  /** B */
  readonly block: number;
  /** Positions held. */
  readonly tokens: number;
}

/** [Hkv, floor(tokens / B), d] */
export type BlockMeans = (input: BlockMeansInput) => Float64Array;
