import type { LayerCache } from "../decoder/body.ts";
import type { KernelMemory } from "./kernels/build.ts";

/**
 * Keys (after RoPE) and values of one layer, [Hkv, capacity, d] each, so that a block of one head is contiguous.
 * Positions live at row `position mod capacity`: a full layer's capacity is all T tokens and never wraps, a window
 * layer's is min(T, w) and does.
 */
export class KvCache implements LayerCache {
  readonly #memory: KernelMemory;
  readonly #heads: number;
  readonly #d: number;
  /** Most rows this layer ever needs: w for a window, unbounded for a full layer. */
  readonly #most: number;
  #capacity = 0;
  #k: Float32Array = new Float32Array(0);
  #v: Float32Array = new Float32Array(0);
  /** A ring as `mark` found it, [Hkv, rows, d]. */
  #marked: { readonly k: Float32Array; readonly v: Float32Array; readonly rows: number } | undefined;

  constructor(memory: KernelMemory, heads: number, headDim: number, most: number = Infinity) {
    this.#memory = memory;
    this.#heads = heads;
    this.#d = headDim;
    this.#most = most;
  }

  get bytes(): number {
    return this.#k.byteLength + this.#v.byteLength;
  }

  /** Rows of one head, and all keys and values, where they lie. */
  get capacity(): number {
    return this.#capacity;
  }

  get k(): Float32Array {
    return this.#k;
  }

  get v(): Float32Array {
    return this.#v;
  }

  reserve(tokens: number, held: number): void {
    const capacity = Math.min(tokens, this.#most);
    if (capacity <= this.#capacity) return;
    this.#k = this.#grown(this.#k, capacity, held);
    this.#v = this.#grown(this.#v, capacity, held);
    this.#capacity = capacity;
  }

  // A cache that still grows has never wrapped (its capacity was all tokens so far), so rows keep their places.
  #grown(old: Float32Array, capacity: number, held: number): Float32Array {
    const grown = this.#memory.floats(this.#heads * capacity * this.#d);
    for (let head = 0; head < this.#heads; head++) {
      const from = head * this.#capacity * this.#d;
      grown.set(old.subarray(from, from + Math.min(held, this.#capacity) * this.#d), head * capacity * this.#d);
    }
    this.#memory.release(old);
    return grown;
  }

  /** Stores rows [Hkv, rows, d] of positions start .. start + rows - 1, the last `capacity` of them. */
  append(k: Float32Array, v: Float32Array, start: number, rows: number): void {
    const skip = Math.max(0, rows - this.#capacity);
    for (let head = 0; head < this.#heads; head++) {
      for (let row = skip; row < rows;) {
        const at = (start + row) % this.#capacity;
        const count = Math.min(rows - row, this.#capacity - at);
        const from = (head * rows + row) * this.#d;
        const to = (head * this.#capacity + at) * this.#d;
        this.#k.set(k.subarray(from, from + count * this.#d), to);
        this.#v.set(v.subarray(from, from + count * this.#d), to);
        row += count;
      }
    }
  }

  /** Rows from .. to - 1 of one head's keys, where they lie (full layers, which never wrap). */
  keys(head: number, from: number, to: number): Float32Array {
    return this.#k.subarray((head * this.#capacity + from) * this.#d, (head * this.#capacity + to) * this.#d);
  }

  /** Rows from .. to - 1 of one head's values, where they lie (full layers, which never wrap). */
  values(head: number, from: number, to: number): Float32Array {
    return this.#v.subarray((head * this.#capacity + from) * this.#d, (head * this.#capacity + to) * this.#d);
  }

  /** The rows of a ring; nothing of a full layer. */
  mark(): void {
    this.#marked =
      this.#most === Infinity ? undefined : { k: this.#k.slice(), v: this.#v.slice(), rows: this.#capacity };
  }

  /** A ring that grew since had not wrapped, so its rows keep their places. */
  rewind(): void {
    if (this.#marked === undefined) return;
    const { k, v, rows } = this.#marked;
    for (let head = 0; head < this.#heads; head++) {
      const [from, to] = [head * rows * this.#d, (head + 1) * rows * this.#d];
      this.#k.set(k.subarray(from, to), head * this.#capacity * this.#d);
      this.#v.set(v.subarray(from, to), head * this.#capacity * this.#d);
    }
  }

  clear(): void {
    this.#marked = undefined;
    this.#memory.release(this.#k);
    this.#memory.release(this.#v);
    this.#capacity = 0;
    this.#k = new Float32Array(0);
    this.#v = new Float32Array(0);
  }
}
