import type { RunObserver } from "../../src/engine/engine.ts";
import type { Architecture } from "../../src/model/architecture.ts";

/**
 * Where query heads that choose blocks by the means of their keys (MoBA) have as good as no reason to prefer the last block they
 * take to the first they leave: worked out from a run's queries and keys, apart from anything that computes the choice.
 */
export class GateTies {
  readonly #a: Architecture;
  readonly #gap: number;
  /** By layer, the keys of all positions so far, [T][Hkv d]. */
  readonly #keys = new Map<number, Float32Array[]>();
  readonly #tied = new Set<string>();

  /** @param tieGap the absolute error of a logit that is forgiven */
  constructor(architecture: Architecture, tieGap: number) {
    this.#a = architecture;
    this.#gap = tieGap * Math.sqrt(architecture.headDim);
  }

  readonly at = (layer: number, position: number): boolean => this.#tied.has(`${layer} ${position}`);

  readonly onProjected: NonNullable<RunObserver["onProjected"]> = (layer, start, q, k) => {
    const { queryHeads, kvHeads, headDim: d } = this.#a;
    const keys = this.#keys.get(layer) ?? [];
    this.#keys.set(layer, keys);
    for (let at = 0; at < k.length; at += kvHeads * d) keys.push(k.slice(at, at + kvHeads * d));
    for (let row = 0; row * queryHeads * d < q.length; row++) {
      for (let head = 0; head < queryHeads; head++) {
        const from = (row * queryHeads + head) * d;
        const kvHead = Math.floor((head * kvHeads) / queryHeads);
        if (this.#ties(q.subarray(from, from + d), keys, kvHead, start + row))
          this.#tied.add(`${layer} ${start + row}`);
      }
    }
  };

  #ties(query: Float32Array, keys: readonly Float32Array[], kvHead: number, position: number): boolean {
    const { block, topk } = this.#a.laid!["moba"] as { block: number; topk: number };
    const own = Math.floor(position / block);
    const scores = Array.from({ length: own }, (_, i) => {
      const of = keys.slice(i * block, (i + 1) * block).map((key) => dot(query, key, kvHead * query.length));
      return of.reduce((sum, logit) => sum + logit, 0) / block;
    }).sort((a, b) => b - a);
    const [last, next] = [scores[topk - 2], scores[topk - 1]];
    return last !== undefined && next !== undefined && last - next < this.#gap;
  }
}

function dot(query: Float32Array, key: Float32Array, from: number): number {
  return query.reduce((sum, value, c) => sum + value * key[from + c]!, 0);
}
