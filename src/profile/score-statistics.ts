import { PlaceModel } from "./place-model.ts";

/** The queries whose interest is asked for: positions, or all of them. */
export type AskedQueries = ReadonlySet<number> | "document";

/** Sums of block scores over queries. */
interface Sums {
  /** Sum over queries of the mean over KV heads of S[t, i]. [blocks] */
  readonly byBlock: Float64Array;
  /** Queries in each block. [blocks] */
  readonly queries: Float64Array;
}

/** Block scores of one layer, gathered while a prefill runs, in space that grows with blocks and never with T squared. */
interface LayerSums {
  readonly all: Sums;
  /** Sums over the asked queries only; the same object as `all` when all are asked. */
  readonly asked: Sums;
  /** As `all.byBlock` by distance, the query's block minus i, without the first block. [blocks] */
  readonly byDistance: Float64Array;
}

/** How much the full layers look at each block, and how much they would look there whatever it said. */
export interface BlockScores {
  /** Mean of S over full layers, KV heads and the asked queries that see the block. [blocks] */
  readonly scores: Float64Array;
  /** What a block in this place is expected to score for these queries. [blocks] */
  readonly averages: Float64Array;
}

/**
 * Turns the block scores of all full layers into importance for any set of queries.
 *
 * Sinks and mere position are not importance: the first block and recent ones score high for every query. So a score is
 * held against what its place predicts: for the first block its mean over the document, for any other an effect of the
 * block times an effect of its distance, both fitted to the whole document (place-model.ts). When all queries are asked
 * for, a block's own effect is what is asked, so its place predicts what a typical block would score there.
 */
export class ScoreStatistics {
  readonly #blocks: number;
  readonly #block: number;
  readonly #kvHeads: number;
  readonly #asked: AskedQueries;
  readonly #layers = new Map<number, LayerSums>();

  constructor(tokens: number, block: number, kvHeads: number, asked: AskedQueries) {
    this.#blocks = Math.ceil(tokens / block);
    this.#block = block;
    this.#kvHeads = kvHeads;
    this.#asked = asked;
  }

  /** Takes S [rows, Hkv, blocks] of one full layer for queries start .. start + rows - 1. */
  add(layer: number, start: number, rows: number, blocks: number, scores: Float32Array): void {
    const { all, asked, byDistance } = this.#sums(layer);
    for (let row = 0; row < rows; row++) {
      const own = Math.floor((start + row) / this.#block);
      const apart = asked !== all && this.#asked !== "document" && this.#asked.has(start + row);
      all.queries[own]!++;
      if (apart) asked.queries[own]!++;
      for (let head = 0; head < this.#kvHeads; head++) {
        const from = (row * this.#kvHeads + head) * blocks;
        for (let i = 0; i <= own; i++) {
          const score = scores[from + i]! / this.#kvHeads;
          all.byBlock[i]! += score;
          if (i > 0) byDistance[own - i]! += score;
          if (apart) asked.byBlock[i]! += score;
        }
      }
    }
  }

  /** Full layers in order. */
  get layers(): number[] {
    return [...this.#layers.keys()].sort((a, b) => a - b);
  }

  /** One layer's mean score per block over the asked queries that see it. */
  ofLayer(layer: number): Float64Array {
    return means(this.#sums(layer).asked);
  }

  /** Scores and what their place predicts, as means over the full layers. */
  importance(): BlockScores {
    const scores = new Float64Array(this.#blocks);
    const averages = new Float64Array(this.#blocks);
    const share = 1 / this.layers.length;
    for (const layer of this.layers) {
      const sums = this.#sums(layer);
      const expected = this.#expected(sums);
      means(sums.asked).forEach((score, i) => {
        scores[i]! += share * score;
        averages[i]! += share * expected[i]!;
      });
    }
    return { scores, averages };
  }

  #expected({ all, asked, byDistance }: LayerSums): Float64Array {
    const place = new PlaceModel(all.byBlock, byDistance, all.queries);
    // The first block holds the sink, which is attended to alike from everywhere: its own mean predicts it.
    const expected = means(all);
    for (let i = 1; i < this.#blocks; i++) {
      expected[i] = this.#asked === "document" ? place.typical(i) : place.mean(i, asked.queries);
    }
    return expected;
  }

  #sums(layer: number): LayerSums {
    let sums = this.#layers.get(layer);
    if (sums === undefined) {
      const zeros = (): Float64Array => new Float64Array(this.#blocks);
      const all: Sums = { byBlock: zeros(), queries: zeros() };
      const asked: Sums = this.#asked === "document" ? all : { byBlock: zeros(), queries: zeros() };
      sums = { all, asked, byDistance: zeros() };
      this.#layers.set(layer, sums);
    }
    return sums;
  }
}

/** Mean per block over the queries that see it: those in its own block and after. */
function means({ byBlock, queries }: Sums): Float64Array {
  const result = new Float64Array(byBlock.length);
  let seen = 0;
  for (let i = byBlock.length - 1; i >= 0; i--) {
    seen += queries[i]!;
    result[i] = seen === 0 ? 0 : byBlock[i]! / seen;
  }
  return result;
}
