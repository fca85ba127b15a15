import type { NumericArray } from "../numeric-array.ts";

/** Causal softmax attention of C queries over all keys up to their own position. No sinks. */
export interface FullAttentionInput {
  /** [C, Hq, d], rotated; row c stands at position start + c. */
  readonly queries: NumericArray;
  /** [Hkv, T, d], rotated; T >= start + C. Rows from start + C on are reserved room and are never read. */
  readonly keys: NumericArray;
  /** [Hkv, T, d] */
  readonly values: NumericArray;
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly start: number;
}

/** Full attention that also emits block scores: the attention of an oracle layer. */
export interface ScoredAttentionInput extends FullAttentionInput {
  /** B */
  readonly block: number;
}

export interface ScoredAttentionOutput {
  /** [C, Hq, d] */
  readonly out: Float64Array;
  /**
   * S[c, h, i], the largest probability that query head h gives to a visible key of block i; 0 where no key of the block
   * is visible. [C, Hq, ceil((start + C) / B)]
   */
  readonly headScores: Float64Array;
  /** The largest S over the G query heads of each KV head: what a group shares. [C, Hkv, ceil((start + C) / B)] */
  readonly groupScores: Float64Array;
}

/** [C, Hq, d] */
export type FullAttention = (input: FullAttentionInput) => Float64Array;
export type ScoredAttention = (input: ScoredAttentionInput) => ScoredAttentionOutput;
