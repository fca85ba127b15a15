/** cos and sin of position times frequency, [positions, d / 2], computed in float64 and kept in float32. */
export class RopeTables {
  readonly #half: number;
  readonly #frequencies: readonly number[];
  #positions = 0;
  #cos = new Float32Array(0);
  #sin = new Float32Array(0);

  constructor(headDim: number, base: number) {
    this.#half = headDim / 2;
    this.#frequencies = Array.from({ length: this.#half }, (_, i) => base ** ((-2 * i) / headDim));
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
        this.#cos[position * this.#half + i] = Math.cos(position * frequency);
        this.#sin[position * this.#half + i] = Math.sin(position * frequency);
      });
    }
    this.#positions = positions;
  }
}
