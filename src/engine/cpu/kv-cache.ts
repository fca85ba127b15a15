import { ringRow } from "../../../kernels/sliding-window/ring.ts";
import { keptRows, type KeptStream } from "../../designs/plan.ts";
import type { LayerCache } from "../decoder/body.ts";
import type { KernelMemory } from "./kernels/build.ts";

/**
 * Keys (after RoPE) and values of one layer, [Hkv, capacity, d] each, so that a block of one head is contiguous.
 * Positions live in rows by ringRow: a full layer's capacity is all T tokens and never wraps, a window layer's is min(T, w)
 * (with the first of the context, where it keeps them) and does. Where the plan keeps means of blocks, they lie beside them,
 * [Hkv, ceil(capacity / B), d]: each is made once, by whoever fills the block, and read only by queries behind it. So a mark
 * need not keep them: after a rewind a block is filled again before anybody reads its mean.
 */
export class KvCache implements LayerCache {
  readonly #memory: KernelMemory;
  readonly #heads: number;
  readonly #d: number;
  readonly #keeps: KeptStream;
  #capacity = 0;
  #k: Float32Array = new Float32Array(0);
  #v: Float32Array = new Float32Array(0);
  #means: Float32Array = new Float32Array(0);
  /** A ring as `mark` found it, [Hkv, rows, d]. */
  #marked: { readonly k: Float32Array; readonly v: Float32Array; readonly rows: number } | undefined;

  constructor(memory: KernelMemory, heads: number, headDim: number, keeps: KeptStream) {
    this.#memory = memory;
    this.#heads = heads;
    this.#d = headDim;
    this.#keeps = keeps;
  }

  get bytes(): number {
    return this.#k.byteLength + this.#v.byteLength + this.#means.byteLength;
  }

  /** Rows that the first of the context keep for good. */
  get first(): number {
    return this.#keeps.kind === "ring" ? (this.#keeps.first ?? 0) : 0;
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

  /** [Hkv, blocks, d]: the means of the keys of full blocks, and room for those of others. */
  get means(): Float32Array {
    return this.#means;
  }

  reserve(tokens: number, held: number): void {
    const capacity = keptRows(this.#keeps, tokens);
    if (capacity <= this.#capacity) return;
    this.#k = this.#grown(this.#k, capacity, held);
    this.#v = this.#grown(this.#v, capacity, held);
    const block = this.#keeps.kind === "all" ? this.#keeps.means : undefined;
    if (block !== undefined)
      this.#means = this.#grown(this.#means, Math.ceil(capacity / block), Math.ceil(held / block));
    this.#capacity = capacity;
  }

  // A cache that still grows has never wrapped (its capacity was all tokens so far), so rows keep their places.
  #grown(old: Float32Array, capacity: number, held: number): Float32Array {
    const grown = this.#memory.floats(this.#heads * capacity * this.#d);
    const before = old.length / this.#heads;
    for (let head = 0; head < this.#heads; head++) {
      const from = head * before;
      grown.set(old.subarray(from, from + Math.min(held * this.#d, before)), head * capacity * this.#d);
    }
    this.#memory.release(old);
    return grown;
  }

  /** Stores rows [Hkv, rows, d] of positions start .. start + rows - 1: those of the first of the context, the last of others. */
  append(k: Float32Array, v: Float32Array, start: number, rows: number): void {
    const stay = Math.min(rows, Math.max(0, this.first - start));
    this.#store(k, v, start, rows, 0, stay);
    this.#store(k, v, start, rows, Math.max(stay, rows - Math.max(0, this.#capacity - this.first)), rows);
  }

  /** Stores rows begin .. end - 1 of them, which do not overwrite each other. */
  #store(k: Float32Array, v: Float32Array, start: number, rows: number, begin: number, end: number): void {
    for (let head = 0; head < this.#heads; head++) {
      for (let row = begin; row < end;) {
        const at = ringRow(start + row, this.#capacity, this.first);
        const count = Math.min(end - row, this.#capacity - at);
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

  /** The rows of a ring; others are filled again before anybody reads them. */
  mark(): void {
    this.#marked =
      this.#keeps.kind === "ring" ? { k: this.#k.slice(), v: this.#v.slice(), rows: this.#capacity } : undefined;
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
    this.#memory.release(this.#means);
    this.#capacity = 0;
    this.#k = new Float32Array(0);
    this.#v = new Float32Array(0);
    this.#means = new Float32Array(0);
  }
}
