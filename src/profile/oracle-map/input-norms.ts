import type { Architecture } from "../../model/architecture.ts";

/** |x|^2 of the inputs of every layer but the first at chosen positions, gathered while a prefill runs (RunObserver.onLayerOutput). */
export class InputNorms {
  readonly #hidden: number;
  readonly #positions: readonly number[];
  /** [L, positions] */
  readonly #norms: Float64Array;

  constructor({ hidden, layers }: Architecture, positions: readonly number[]) {
    this.#hidden = hidden;
    this.#positions = positions;
    this.#norms = new Float64Array(layers * positions.length);
  }

  /** Takes the output of a layer, which the next one reads, for the positions start ..: [rows, hidden]. */
  add(layer: number, start: number, output: Float32Array): void {
    const rows = output.length / this.#hidden;
    for (const [sample, position] of this.#positions.entries()) {
      if (position < start || position >= start + rows) continue;
      const row = output.subarray((position - start) * this.#hidden, (position - start + 1) * this.#hidden);
      const next = (layer + 1) * this.#positions.length + sample;
      if (next < this.#norms.length) this.#norms[next] = row.reduce((sum, x) => sum + x * x, 0);
    }
  }

  /** Of a layer's input at the position with this index. */
  of(layer: number, sample: number): number {
    return this.#norms[layer * this.#positions.length + sample]!;
  }
}
