/** Block scores of one layer, gathered while a prefill runs, in space that grows with blocks and never with T squared. */
interface LayerSums {
  /** Sum over queries and KV heads of S[t, i], and how many queries see block i. [blocks] */
  readonly byBlock: Float64Array;
  readonly queriesByBlock: Float64Array;
  /** The same by distance, the query's block minus i. [blocks] */
  readonly byDistance: Float64Array;
  readonly queriesByDistance: Float64Array;
  /** Mean over KV heads of the last query's scores. [blocks] */
  last: Float64Array;
}

/** How much the full layers look at each block, and how much they would look there whatever it said. */
export interface BlockScores {
  /** Mean of S over full layers and KV heads (and queries, for the document). [blocks] */
  readonly scores: Float64Array;
  /** What a block in this place is expected to score. [blocks] */
  readonly averages: Float64Array;
}

/**
 * Turns the block scores of all full layers into importance.
 *
 * Sinks and mere position are not importance: the first block and recent ones score high for every query. So a score is
 * held against what its place predicts, a product of two effects estimated from the same document: the mean score at this
 * distance, and how far this block lies above or below its distances' means when all its queries are taken together.
 */
export class ScoreStatistics {
  readonly #blocks: number;
  readonly #block: number;
  readonly #kvHeads: number;
  readonly #layers = new Map<number, LayerSums>();

  constructor(tokens: number, block: number, kvHeads: number) {
    this.#blocks = Math.ceil(tokens / block);
    this.#block = block;
    this.#kvHeads = kvHeads;
  }

  /** Takes S [rows, Hkv, blocks] of one full layer for queries start .. start + rows - 1, in order. */
  add(layer: number, start: number, rows: number, blocks: number, scores: Float32Array): void {
    const sums = this.#sums(layer);
    for (let row = 0; row < rows; row++) {
      const own = Math.floor((start + row) / this.#block);
      sums.last.fill(0);
      for (let head = 0; head < this.#kvHeads; head++) {
        const from = (row * this.#kvHeads + head) * blocks;
        for (let i = 0; i <= own; i++) {
          const score = scores[from + i]!;
          sums.byBlock[i]! += score;
          sums.byDistance[own - i]! += score;
          sums.last[i]! += score / this.#kvHeads;
        }
      }
      for (let i = 0; i <= own; i++) {
        sums.queriesByBlock[i]!++;
        sums.queriesByDistance[own - i]!++;
      }
    }
  }

  /** Full layers in order. */
  get layers(): number[] {
    return [...this.#layers.keys()].sort((a, b) => a - b);
  }

  /** One layer's mean score per block, for the last query or over all queries that see the block. */
  ofLayer(layer: number, queries: "last-token" | "document"): Float64Array {
    const sums = this.#sums(layer);
    return queries === "last-token" ? sums.last : this.#means(sums.byBlock, sums.queriesByBlock);
  }

  /** Scores and what their place predicts, as means over the full layers. */
  importance(queries: "last-token" | "document"): BlockScores {
    const scores = new Float64Array(this.#blocks);
    const averages = new Float64Array(this.#blocks);
    const lastOwn = this.#blocks - 1;
    for (const layer of this.layers) {
      const sums = this.#sums(layer);
      const blockMeans = this.#means(sums.byBlock, sums.queriesByBlock);
      const distanceMeans = this.#means(sums.byDistance, sums.queriesByDistance);
      const placed = this.#expectedByDistance(distanceMeans);
      const seen = this.ofLayer(layer, queries);
      for (let i = 0; i < this.#blocks; i++) {
        const expected =
          queries === "document" ? placed[i]! : (distanceMeans[lastOwn - i]! * blockMeans[i]!) / (placed[i]! || 1);
        scores[i]! += seen[i]! / this.layers.length;
        averages[i]! += expected / this.layers.length;
      }
    }
    return { scores, averages };
  }

  /** Mean over the queries that see block i of the mean score at their distance from it. */
  #expectedByDistance(distanceMeans: Float64Array): Float64Array {
    // All blocks but the last hold equally many queries, so the mean over queries is the mean over distances.
    const expected = new Float64Array(this.#blocks);
    let sum = 0;
    for (let i = this.#blocks - 1; i >= 0; i--) {
      sum += distanceMeans[this.#blocks - 1 - i]!;
      expected[i] = sum / (this.#blocks - i);
    }
    return expected;
  }

  #means(sums: Float64Array, queries: Float64Array): Float64Array {
    return sums.map((sum, i) => (queries[i]! === 0 ? 0 : sum / queries[i]! / this.#kvHeads));
  }

  #sums(layer: number): LayerSums {
    let sums = this.#layers.get(layer);
    if (sums === undefined) {
      const zeros = (): Float64Array => new Float64Array(this.#blocks);
      sums = {
        byBlock: zeros(),
        queriesByBlock: zeros(),
        byDistance: zeros(),
        queriesByDistance: zeros(),
        last: zeros(),
      };
      this.#layers.set(layer, sums);
    }
    return sums;
  }
}
