import type { NumericArray } from "../numeric-array.ts";

/** Marks an unused slot: the query sees fewer blocks than it may select. As a 32-bit pattern, 0xffffffff. */
export const NO_BLOCK = -1;

/** Blocks that are always read, whatever their scores: the first of the context and the last that the query sees, its own one included. */
export interface ForcedBlocks {
  readonly first: number;
  readonly last: number;
}

/** The query's own block alone. */
export const OWN_BLOCK: ForcedBlocks = { first: 0, last: 1 };

/** The blocks with the highest scores, for every query and KV head (or query head, where each has a list of its own). */
export interface BlockTopkInput {
  /** S [C, Hkv, blocks], with blocks >= ceil((start + C) / B); entries of blocks a query cannot see are ignored. Finite. */
  readonly scores: NumericArray;
  readonly kvHeads: number;
  readonly blocks: number;
  /** Blocks of a list, at least 1: k / B, and those that are forced. */
  readonly slots: number;
  /** B */
  readonly block: number;
  readonly start: number;
  /** They take slots, of which there must be enough, and compete with none; when absent every block competes. */
  readonly forced?: ForcedBlocks | undefined;
}

export interface BlockTopkOutput {
  /** [C, Hkv, k / B], ascending; unused slots, always last, hold NO_BLOCK. */
  readonly blocks: Int32Array;
  /** The selected blocks' scores in the same order; 0 in unused slots. [C, Hkv, k / B] */
  readonly scores: Float64Array;
}

export type BlockTopk = (input: BlockTopkInput) => BlockTopkOutput;
