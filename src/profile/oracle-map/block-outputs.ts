import type { Architecture } from "../../model/architecture.ts";
import { groupSize } from "../../model/decoder.ts";
import type { Attended } from "../attended.ts";
import type { ChosenBlocks } from "./chosen-blocks.ts";

/**
 * What one query of a layer would put out if it read only some blocks and its window: sums of p v by block, from which any
 * choice follows without looking at single keys again.
 */
export class BlockOutputs {
  readonly #a: Architecture;
  readonly #group: number;
  #position = 0;
  #visible = 0;
  /** [Hq, visible, d] */
  #sums: Float64Array = new Float64Array();
  /** The window's part of the block in which it begins. [Hq, d] */
  readonly #edge: Float64Array;

  constructor(a: Architecture) {
    this.#a = a;
    this.#group = groupSize(a);
    this.#edge = new Float64Array(a.queryHeads * a.headDim);
  }

  /** The next query. */
  begin(position: number): void {
    const { queryHeads, headDim, block } = this.#a;
    this.#position = position;
    this.#visible = Math.floor(position / block) + 1;
    this.#sums = new Float64Array(queryHeads * this.#visible * headDim);
    this.#edge.fill(0);
  }

  /** Takes a head's probabilities of the keys 0 .. position, and the layer's values [T, Hkv, d]. */
  add(head: number, probabilities: Float64Array, values: Float32Array): void {
    const { kvHeads, headDim, block, window } = this.#a;
    const kvHead = Math.floor(head / this.#group);
    const begin = this.#position - window + 1;
    const edgeBlock = this.#edgeBlock();
    for (let key = 0; key <= this.#position; key++) {
      const p = probabilities[key]!;
      const index = Math.floor(key / block);
      const from = (key * kvHeads + kvHead) * headDim;
      const to = (head * this.#visible + index) * headDim;
      for (let i = 0; i < headDim; i++) this.#sums[to + i]! += p * values[from + i]!;
      if (index !== edgeBlock || key < begin) continue;
      for (let i = 0; i < headDim; i++) this.#edge[head * headDim + i]! += p * values[from + i]!;
    }
  }

  /**
   * What the query puts out, before the output projection, if each KV head reads only the first `count` blocks chosen for it
   * and the window in one softmax, less what it puts out over everything: into `out` [Hq d].
   */
  difference({ mass, inWindow }: Attended, chosen: ChosenBlocks, count: number, out: Float32Array): void {
    const { queryHeads, headDim } = this.#a;
    const visible = this.#visible;
    const edgeBlock = this.#edgeBlock();
    const read = new Float64Array(headDim);
    const whole = new Float64Array(headDim);
    for (let head = 0; head < queryHeads; head++) {
      const blocks = chosen.of(Math.floor(head / this.#group), count);
      read.fill(0);
      whole.fill(0);
      let share = 0;
      for (let index = 0; index < visible; index++) {
        const at = head * visible + index;
        this.#addTo(whole, this.#sums, at);
        if (blocks.includes(index)) {
          share += mass[at]!;
          this.#addTo(read, this.#sums, at);
        } else if (index >= edgeBlock) {
          share += inWindow[at]!;
          if (index === edgeBlock) this.#addTo(read, this.#edge, head);
          else this.#addTo(read, this.#sums, at);
        }
      }
      for (let i = 0; i < headDim; i++) out[head * headDim + i] = read[i]! / share - whole[i]!;
    }
  }

  #addTo(sum: Float64Array, from: Float64Array, row: number): void {
    const at = row * sum.length;
    for (let i = 0; i < sum.length; i++) sum[i]! += from[at + i]!;
  }

  /** The block in which the window begins. */
  #edgeBlock(): number {
    return Math.floor(Math.max(0, this.#position - this.#a.window + 1) / this.#a.block);
  }
}
