import { ropeFrequency, type RopeTurn } from "../../../kernels/rope/rope.ts";
import { ropeOf, type Decoder } from "../../model/decoder.ts";

/** cos and sin of position times frequency, [positions, d / 2], computed in float64 and kept in float32. */
export class RopeTables {
  readonly #half: number;
  readonly #scale: number;
  readonly #frequencies: readonly number[];
  #positions = 0;
  #cos = new Float32Array(0);
  #sin = new Float32Array(0);

  constructor(headDim: number, turn: RopeTurn) {
    this.#half = headDim / 2;
    this.#scale = turn.scale ?? 1;
    this.#frequencies = Array.from({ length: this.#half }, (_, i) => ropeFrequency(turn, headDim, i));
  }

  get positions(): number {
    return this.#positions;
  }

  get cos(): Float32Array {
    return this.#cos;
  }

  get sin(): Float32Array {
    return this.#sin;
  }

  /** Makes sure of `atLeast` positions, doubling so that unreserved decode steps rarely recompute. */
  reserve(atLeast: number): void {
    if (atLeast <= this.#positions) return;
    const positions = Math.max(atLeast, 2 * this.#positions);
    this.#cos = new Float32Array(positions * this.#half);
    this.#sin = new Float32Array(positions * this.#half);
    for (let position = 0; position < positions; position++) {
      this.#frequencies.forEach((frequency, i) => {
        this.#cos[position * this.#half + i] = this.#scale * Math.cos(position * frequency);
        this.#sin[position * this.#half + i] = this.#scale * Math.sin(position * frequency);
      });
    }
    this.#positions = positions;
  }
}

/** The tables of a decoder: one for the layers that turn, and one of no turn where some do not. */
export class RopeOfLayers {
  readonly #tables: readonly RopeTables[];
  readonly #ofLayer: readonly RopeTables[];

  constructor(decoder: Decoder) {
    const byTurn = new Map<string, RopeTables>();
    this.#ofLayer = Array.from({ length: decoder.layers }, (_, layer) => {
      const turn = ropeOf(decoder, layer);
      const key = JSON.stringify(turn);
      const tables = byTurn.get(key) ?? new RopeTables(decoder.headDim, turn);
      byTurn.set(key, tables);
      return tables;
    });
    this.#tables = [...byTurn.values()];
  }

  of(layer: number): RopeTables {
    const tables = this.#ofLayer[layer];
    if (tables === undefined) throw new RangeError(`there is no layer ${layer}`);
    return tables;
  }

  reserve(atLeast: number): void {
    for (const tables of this.#tables) tables.reserve(atLeast);
  }
}
