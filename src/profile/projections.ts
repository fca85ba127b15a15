import type { Architecture } from "../model/architecture.ts";

/** What is to be kept of a prefill. */
export interface Wanted {
  /** Query positions, ascending. */
  readonly positions: readonly number[];
  readonly queryLayers: readonly number[];
  readonly keyLayers: readonly number[];
  /** None when absent. */
  readonly valueLayers?: readonly number[];
}

/** Queries of chosen positions and all keys (and values) of chosen layers, copied while a prefill runs (RunObserver.onProjected). */
export class Projections {
  readonly #qWidth: number;
  readonly #kWidth: number;
  readonly #positions: readonly number[];
  /** By layer: [positions, Hq, d]. */
  readonly #queries: ReadonlyMap<number, Float32Array>;
  /** By layer: [T, Hkv, d]. */
  readonly #keys: ReadonlyMap<number, Float32Array>;
  /** By layer: [T, Hkv, d]. */
  readonly #values: ReadonlyMap<number, Float32Array>;
  /** Numbers that have not come yet. */
  #missing: number;

  constructor({ queryHeads, kvHeads, headDim }: Architecture, tokens: number, wanted: Wanted) {
    this.#qWidth = queryHeads * headDim;
    this.#kWidth = kvHeads * headDim;
    const { positions, queryLayers, keyLayers, valueLayers = [] } = wanted;
    const whole = (layer: number): [number, Float32Array] => [layer, new Float32Array(tokens * this.#kWidth)];
    this.#positions = positions;
    this.#queries = new Map(queryLayers.map((layer) => [layer, new Float32Array(positions.length * this.#qWidth)]));
    this.#keys = new Map(keyLayers.map(whole));
    this.#values = new Map(valueLayers.map(whole));
    const all = [this.#queries, this.#keys, this.#values].flatMap((kept) => [...kept.values()]);
    this.#missing = all.reduce((sum, { length }) => sum + length, 0);
  }

  /** Takes q [rows, Hq, d], k and v [rows, Hkv, d] of one layer for positions start .. start + rows - 1. */
  add(layer: number, start: number, q: Float32Array, k: Float32Array, v: Float32Array): void {
    this.#keep(this.#keys.get(layer), start, k);
    this.#keep(this.#values.get(layer), start, v);
    const queries = this.#queries.get(layer);
    if (queries === undefined) return;
    const end = start + q.length / this.#qWidth;
    for (const [sample, position] of this.#positions.entries()) {
      if (position < start || position >= end) continue;
      const from = (position - start) * this.#qWidth;
      queries.set(q.subarray(from, from + this.#qWidth), sample * this.#qWidth);
      this.#missing -= this.#qWidth;
    }
  }

  #keep(whole: Float32Array | undefined, start: number, rows: Float32Array): void {
    if (whole === undefined) return;
    whole.set(rows, start * this.#kWidth);
    this.#missing -= rows.length;
  }

  /** @throws Error when the engine did not tell of everything, or told of something twice */
  requireWhole(): void {
    if (this.#missing !== 0)
      throw new Error(`${this.#missing} numbers of queries, keys and values are missing after the prefill`);
  }

  /** [Hq, d] of the position with this index. */
  query(layer: number, sample: number): Float32Array {
    return of(this.#queries, layer).subarray(sample * this.#qWidth, (sample + 1) * this.#qWidth);
  }

  /** [T, Hkv, d] */
  keys(layer: number): Float32Array {
    return of(this.#keys, layer);
  }

  /** [T, Hkv, d] */
  values(layer: number): Float32Array {
    return of(this.#values, layer);
  }
}

function of(arrays: ReadonlyMap<number, Float32Array>, layer: number): Float32Array {
  const values = arrays.get(layer);
  if (values === undefined) throw new Error(`layer ${layer} was not kept`);
  return values;
}
