import type { NumericArray } from "../numeric-array.ts";

/** The rows of a table that tokens name. */
export interface EmbeddingInput {
  /** [C], each below V. */
  readonly tokens: Uint32Array;
  /** [V, E] */
  readonly table: NumericArray;
  /** E */
  readonly width: number;
}

/** y[c] = table[tokens[c]]. [C, E] */
export type Embedding = (input: EmbeddingInput) => Float64Array;
