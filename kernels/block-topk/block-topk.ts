import type { NumericArray } from "../numeric-array.ts";

/** Marks an unused slot: the query sees fewer blocks than it may select. As a 32-bit pattern, 0xffffffff. */
export const NO_BLOCK = -1;

/** The blocks with the highest scores, for every query and KV head (or query head, where each has a list of its own). */
export interface BlockTopkInput {
  /** S [C, Hkv, blocks], with blocks >= ceil((start + C) / B); entries of blocks a query cannot see are ignored. Finite. */
  readonly scores: NumericArray;
  readonly kvHeads: number;
  readonly blocks: number;
  /** k / B, at least 1. */
  readonly slots: number;
  /** B */
  readonly block: number;
  readonly start: number;
  /** The block that holds the query is always among them, whatever its score; it competes like any other when absent. */
  readonly own?: boolean;
}

export interface BlockTopkOutput {
  /** [C, Hkv, k / B], ascending; unused slots, always last, hold NO_BLOCK. */
  readonly blocks: Int32Array;
  /** The selected blocks' scores in the same order; 0 in unused slots. [C, Hkv, k / B] */
  readonly scores: Float64Array;
}

export type BlockTopk = (input: BlockTopkInput) => BlockTopkOutput;
