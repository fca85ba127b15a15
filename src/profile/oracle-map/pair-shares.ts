import type { Architecture } from "../../model/architecture.ts";
import { groupSize } from "../../model/decoder.ts";
import type { Attended } from "../attended.ts";
import { share } from "../share.ts";
import type { ChosenBlocks } from "./chosen-blocks.ts";

/** Shares of a layer's own softmax, over all queries and query heads, inside blocks that were chosen somewhere. */
export interface Shares {
  readonly mass: number;
  /** Inside the blocks or the window. */
  readonly withWindow: number;
  /** Of what lies in neither the first block nor the window. */
  readonly rest: number;
}

/** The same, and what the most fitting KV head of the source would have held. */
export interface PairedShares extends Shares {
  /** `mass` where each KV head takes the choice of whichever head of the source serves it best over all queries. */
  readonly best: number;
}

const MEASURES = 3;

/** To five places: a map has thousands of shares. */
export function rounded(value: number): number {
  return Number(share(value).toFixed(5));
}

/** Gathers how much of one layer's attention lies in what one source chose, for several numbers of blocks at once. */
export class PairShares {
  readonly #kvHeads: number;
  readonly #group: number;
  readonly #counts: readonly number[];
  /** Sums over queries and query heads: [counts, MEASURES] */
  readonly #sums: Float64Array;
  /** Sums of mass: [counts, Hkv of the source, Hkv] */
  readonly #byHead: Float64Array;
  /** Sum over queries and query heads of what lies in neither the first block nor the window. */
  #rest = 0;
  #queries = 0;

  /** @param counts numbers of blocks, ascending */
  constructor({ kvHeads, ...a }: Architecture, counts: readonly number[]) {
    this.#kvHeads = kvHeads;
    this.#group = groupSize({ ...a, kvHeads });
    this.#counts = counts;
    this.#sums = new Float64Array(counts.length * MEASURES);
    this.#byHead = new Float64Array(counts.length * kvHeads * kvHeads);
  }

  /** Takes where a query looks and the blocks that the source chose for it. */
  add(looked: Attended, parts: QueryParts, chosen: ChosenBlocks): void {
    const heads = this.#kvHeads;
    const most = this.#counts[this.#counts.length - 1]!;
    this.#queries++;
    for (let source = 0; source < heads; source++) {
      const blocks = chosen.of(source, most);
      for (let head = 0; head < heads * this.#group; head++) {
        this.#addHead(looked, parts, blocks, head, source);
      }
    }
  }

  #addHead(
    { visible, mass, inWindow }: Attended,
    parts: QueryParts,
    blocks: Uint32Array,
    head: number,
    source: number,
  ) {
    const kvHead = Math.floor(head / this.#group);
    const [rest, window] = [parts.rest[head]!, parts.window[head]!];
    let inside = 0;
    let insideWindow = 0;
    let first = 0;
    let taken = 0;
    for (const [at, count] of this.#counts.entries()) {
      for (; taken < Math.min(count, blocks.length); taken++) {
        const index = blocks[taken]!;
        const place = head * visible + index;
        inside += mass[place]!;
        insideWindow += inWindow[place]!;
        if (index === 0) first = mass[place]! - inWindow[place]!;
      }
      this.#byHead[(at * this.#kvHeads + source) * this.#kvHeads + kvHead]! += inside;
      if (source !== kvHead) continue;
      this.#sums[at * MEASURES]! += inside;
      this.#sums[at * MEASURES + 1]! += inside + window - insideWindow;
      this.#sums[at * MEASURES + 2]! += inside - insideWindow - first;
    }
    if (source === kvHead) this.#rest += rest;
  }

  /** Means over all that was added, which must be something, for each number of blocks. */
  report(): PairedShares[] {
    const heads = this.#kvHeads;
    const rows = this.#queries * heads * this.#group;
    return this.#counts.map((_, at) => {
      const share = (measure: number, of: number): number => rounded(this.#sums[at * MEASURES + measure]! / of);
      let best = 0;
      for (let head = 0; head < heads; head++) {
        let most = 0;
        for (let source = 0; source < heads; source++) {
          most = Math.max(most, this.#byHead[(at * heads + source) * heads + head]!);
        }
        best += most;
      }
      return {
        mass: share(0, rows),
        withWindow: share(1, rows),
        rest: this.#rest > 0 ? share(2, this.#rest) : 1,
        best: rounded(best / rows),
      };
    });
  }
}

/** What does not depend on the source, by query head. */
export interface QueryParts {
  /** Share of the window. */
  readonly window: Float64Array;
  /** Share of what lies in neither the first block nor the window. */
  readonly rest: Float64Array;
}

export function queryParts({ visible, mass, inWindow }: Attended): QueryParts {
  const heads = mass.length / visible;
  const window = new Float64Array(heads);
  const rest = new Float64Array(heads);
  for (let head = 0; head < heads; head++) {
    for (let index = 0; index < visible; index++) {
      const at = head * visible + index;
      window[head]! += inWindow[at]!;
      if (index > 0) rest[head]! += mass[at]! - inWindow[at]!;
    }
  }
  return { window, rest };
}
