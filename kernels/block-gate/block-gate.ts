import type { NumericArray } from "../numeric-array.ts";

/** What every query head makes of the blocks before its query's own, by their means. */
export interface BlockGateInput {
  /** [C, Hq, d], rotated; row c stands at position start + c. */
  readonly queries: NumericArray;
  /** [Hkv, room, d]: the mean keys of blocks, of which the first floor((start + C - 1) / B) are read. */
  readonly means: NumericArray;
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** B */
  readonly block: number;
  readonly start: number;
}

/**
 * q . mean for every block that lies wholly before the query's own, unscaled; 0 for its own block and later ones.
 * [C, Hq, ceil((start + C) / B)]
 */
export type BlockGate = (input: BlockGateInput) => Float64Array;
