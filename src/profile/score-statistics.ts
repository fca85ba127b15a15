import { PlaceModel } from "./place-model.ts";

/** Block scores of one layer, gathered while a prefill runs, in space that grows with blocks and never with T squared. */
interface LayerSums {
  /** Sum over queries of the mean over KV heads of S[t, i]. [blocks] */
  readonly byBlock: Float64Array;
  /** The same by distance, the query's block minus i, without the first block. [blocks] */
  readonly byDistance: Float64Array;
  /** Queries seen so far in each block. [blocks] */
  readonly queries: Float64Array;
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
 * held against what its place predicts: for the first block its mean over the document, for any other an effect of the
 * block times an effect of its distance, both fitted to the whole document (place-model.ts).
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
      sums.queries[own]!++;
      sums.last.fill(0);
      for (let head = 0; head < this.#kvHeads; head++) {
        const from = (row * this.#kvHeads + head) * blocks;
        for (let i = 0; i <= own; i++) {
          const score = scores[from + i]! / this.#kvHeads;
          sums.byBlock[i]! += score;
          if (i > 0) sums.byDistance[own - i]! += score;
          sums.last[i]! += score;
        }
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
    if (queries === "last-token") return sums.last;
    const means = new Float64Array(this.#blocks);
    let seen = 0;
    for (let i = this.#blocks - 1; i >= 0; i--) {
      seen += sums.queries[i]!;
      means[i] = seen === 0 ? 0 : sums.byBlock[i]! / seen;
    }
    return means;
  }

  /** Scores and what their place predicts, as means over the full layers. */
  importance(queries: "last-token" | "document"): BlockScores {
    const scores = new Float64Array(this.#blocks);
    const averages = new Float64Array(this.#blocks);
    const share = 1 / this.layers.length;
    for (const layer of this.layers) {
      const sums = this.#sums(layer);
      const place = new PlaceModel(sums.byBlock, sums.byDistance, sums.queries);
      const seen = this.ofLayer(layer, queries);
      for (let i = 0; i < this.#blocks; i++) {
        // The first block holds the sink, which is attended to alike from everywhere: its own mean predicts it.
        const expected =
          i === 0
            ? (this.ofLayer(layer, "document")[0] ?? 0)
            : queries === "document"
              ? place.typical(i)
              : place.at(i, this.#blocks - 1);
        scores[i]! += share * seen[i]!;
        averages[i]! += share * expected;
      }
    }
    return { scores, averages };
  }

  #sums(layer: number): LayerSums {
    let sums = this.#layers.get(layer);
    if (sums === undefined) {
      const zeros = (): Float64Array => new Float64Array(this.#blocks);
      sums = { byBlock: zeros(), byDistance: zeros(), queries: zeros(), last: zeros() };
      this.#layers.set(layer, sums);
    }
    return sums;
  }
}
