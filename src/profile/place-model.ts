import { median } from "simple-statistics";

const ROUNDS = 100;

/**
 * What a block's place alone predicts of its score: expected S[t, i] = a_i * b_(distance of i from t's block).
 *
 * Fitted to the sums of scores per block and per distance by iterative proportional fitting, which needs only these
 * margins (it is the maximum-likelihood fit of a Poisson model with two multiplicative effects). A pair (block i, distance
 * delta) is seen by the queries of block i + delta. The first block is left to the caller: an attention sink does not fade
 * with distance, and one such block would lift the effect of every distance.
 */
export class PlaceModel {
  /** Effect of each block: a sink's is high for every query. [blocks] */
  readonly #a: Float64Array;
  /** Effect of each distance in blocks. [blocks] */
  readonly #b: Float64Array;
  readonly #queries: Float64Array;

  /**
   * `byBlock[i]` and `byDistance[delta]` are sums of scores (the latter without the first block's), `queries[j]` is the number
   * of queries in block j.
   */
  constructor(byBlock: Float64Array, byDistance: Float64Array, queries: Float64Array) {
    const blocks = byBlock.length;
    this.#a = new Float64Array(blocks).fill(1);
    this.#b = new Float64Array(blocks).fill(1);
    this.#queries = queries;
    for (let round = 0; round < ROUNDS; round++) {
      rescale(this.#a, byBlock, this.#b, queries);
      this.#a[0] = 0;
      rescale(this.#b, byDistance, this.#a, queries);
    }
  }

  /** Expected mean score of block i over `queries`, given as their number in each block. */
  mean(i: number, queries: Float64Array): number {
    return this.#a[i]! * this.#meanByDistance(i, queries);
  }

  /** Expected mean score over all queries of a block in place i that is as other blocks are. */
  typical(i: number): number {
    return median(Array.from(this.#a.subarray(1))) * this.#meanByDistance(i, this.#queries);
  }

  /** Mean of b over the queries that see block i. */
  #meanByDistance(i: number, queries: Float64Array): number {
    let sum = 0;
    let seen = 0;
    for (let j = i; j < this.#b.length; j++) {
      sum += this.#b[j - i]! * queries[j]!;
      seen += queries[j]!;
    }
    return seen === 0 ? 0 : sum / seen;
  }
}

/** Sets effect[i] = target[i] / sum over j of other[j] * queries[i + j], in one pass: all blocks but the last hold alike. */
function rescale(effect: Float64Array, target: Float64Array, other: Float64Array, queries: Float64Array): void {
  const last = effect.length - 1;
  let before = 0;
  for (let i = last; i >= 0; i--) {
    const weight = before * queries[0]! + other[last - i]! * queries[last]!;
    effect[i] = weight > 0 ? target[i]! / weight : 0;
    before += other[last - i]!;
  }
}
