import { compressedBlocks, type Strides } from "../../../kernels/compress-blocks/compress-blocks.ts";
import { blockMeans } from "../../../kernels/block-means/reference.ts";
import { roundToHalf } from "../../../kernels/half.ts";
import { ringRow } from "../../../kernels/sliding-window/ring.ts";
import type { KeptStream } from "../../designs/plan.ts";
import type { LayerCache } from "../decoder/body.ts";
import type { KvType } from "./kv-type.ts";

/** New rows for a cache: what a projection yields, [C, Hkv, d] each. */
export interface NewRows {
  readonly keys: Float64Array;
  readonly values: Float64Array;
}

/** K and V of the first positions of the context and of consecutive later ones, head by head. */
export interface KeyValues {
  /** [Hkv, rows, d] */
  readonly keys: Float64Array;
  /** [Hkv, rows, d] */
  readonly values: Float64Array;
  /** Rows that hold the first positions of the context whatever came since. */
  readonly first: number;
  /** Position of the row after them. */
  readonly from: number;
}

/** The KV cache of one layer: two arrays [Hkv, capacity, d] of which the last positions are held. */
abstract class HeldRows implements LayerCache {
  readonly kvHeads: number;
  readonly headDim: number;
  protected keys = new Float64Array();
  protected values = new Float64Array();
  constructor(kvHeads: number, headDim: number) {
    this.kvHeads = kvHeads;
    this.headDim = headDim;
  }

  get capacity(): number {
    return this.keys.length / (this.kvHeads * this.headDim);
  }

  /** Bytes of the two arrays as they are allocated now. */
  get bytes(): number {
    return this.keys.byteLength + this.values.byteLength;
  }

  /** Rows that a context of `tokens` needs. */
  protected abstract rowsFor(tokens: number): number;

  abstract mark(): void;

  abstract rewind(): void;

  /**
   * Stores positions start .. start + count - 1, for which there must be room, and returns what their queries can see of
   * everything held.
   */
  abstract write(start: number, count: number, rows: NewRows): KeyValues;

  clear(): void {
    this.keys = new Float64Array();
    this.values = new Float64Array();
  }

  reserve(tokens: number): void {
    const rows = this.rowsFor(tokens);
    if (rows <= this.capacity) return;
    // Both from the capacity of now, which follows from the keys.
    [this.keys, this.values] = [this.widened(this.keys, rows), this.widened(this.values, rows)];
  }

  protected widened(old: Float64Array, rows: number): Float64Array<ArrayBuffer> {
    const wide = new Float64Array(this.kvHeads * rows * this.headDim);
    const before = this.capacity * this.headDim;
    for (let head = 0; head < this.kvHeads; head++) {
      wide.set(old.subarray(head * before, (head + 1) * before), head * rows * this.headDim);
    }
    return wide;
  }

  /** Puts row `row` of `rows` into `slot` of every head. */
  protected put(rows: NewRows, row: number, slot: number): void {
    for (let head = 0; head < this.kvHeads; head++) {
      const from = (row * this.kvHeads + head) * this.headDim;
      const to = (head * this.capacity + slot) * this.headDim;
      this.keys.set(rows.keys.subarray(from, from + this.headDim), to);
      this.values.set(rows.values.subarray(from, from + this.headDim), to);
    }
  }
}

/**
 * Cache of a full layer: position p in row p. 2 * Hkv * d * 8 * T bytes, and Hkv * d * 8 for every block where it keeps their
 * means.
 */
export class FullCache extends HeldRows {
  readonly #block: number | undefined;
  readonly #kvType: KvType | undefined;
  #means = new Float64Array();

  /** @param block tokens of a block whose mean is kept; none when absent */
  constructor(kvHeads: number, headDim: number, block?: number, kvType?: KvType) {
    super(kvHeads, headDim);
    this.#block = block;
    this.#kvType = kvType;
  }

  /** Of the keys of full blocks, [Hkv, blocks, d]; what others have room for is 0. */
  get means(): Float64Array {
    return this.#means;
  }

  override get bytes(): number {
    return super.bytes + this.#means.byteLength;
  }

  override reserve(tokens: number): void {
    super.reserve(tokens);
    // Made from the keys whenever they change.
    if (this.#block !== undefined) {
      this.#means = new Float64Array(this.kvHeads * Math.ceil(this.capacity / this.#block) * this.headDim);
    }
  }

  override clear(): void {
    super.clear();
    this.#means = new Float64Array();
  }

  protected override rowsFor(tokens: number): number {
    return tokens;
  }

  /** Nothing is ever overwritten. */
  override mark(): void {}

  override rewind(): void {}

  override write(start: number, count: number, rows: NewRows): KeyValues {
    for (let row = 0; row < count; row++) this.put(rows, row, start + row);
    if (this.#block !== undefined) this.#makeMeans(this.#block, start + count);
    return this.all();
  }

  #makeMeans(block: number, tokens: number): void {
    const { keys, kvHeads, headDim } = this;
    const made = blockMeans({ keys, kvHeads, headDim, block, tokens });
    const means = this.#kvType === "float16" ? roundToHalf(made) : made;
    const [full, room] = [means.length / kvHeads, this.#means.length / kvHeads];
    for (let head = 0; head < kvHeads; head++) {
      this.#means.set(means.subarray(head * full, (head + 1) * full), head * room);
    }
  }

  /** Everything held, and the room after it. */
  all(): KeyValues {
    return { keys: this.keys, values: this.values, first: 0, from: 0 };
  }
}

/** Cache of compressed keys and values: the i-th in row i. 2 * Hkv * d * 8 * compressedBlocks(T) bytes. */
export class CompressedCache extends FullCache {
  readonly #strides: Strides;

  constructor(kvHeads: number, headDim: number, strides: Strides) {
    super(kvHeads, headDim);
    this.#strides = strides;
  }

  protected override rowsFor(tokens: number): number {
    return compressedBlocks(this.#strides, tokens);
  }
}

/**
 * Cache of a sliding window and the first F tokens: min(T, F + w) rows, positions in them by ringRow. 2 * Hkv * d * 8 *
 * min(T, F + w) bytes. One with fewer rows has never wrapped, so it can grow without moving rows.
 */
export class WindowCache extends HeldRows {
  readonly window: number;
  readonly first: number;
  #marked: { readonly keys: Float64Array<ArrayBuffer>; readonly values: Float64Array<ArrayBuffer> } | undefined;

  constructor(kvHeads: number, headDim: number, window: number, first: number) {
    super(kvHeads, headDim);
    this.window = window;
    this.first = first;
  }

  protected override rowsFor(tokens: number): number {
    return Math.min(tokens, this.first + this.window);
  }

  override mark(): void {
    this.#marked = { keys: this.keys.slice(), values: this.values.slice() };
  }

  override rewind(): void {
    if (this.#marked === undefined) throw new Error("there is no mark to go back to");
    const rows = this.capacity;
    [this.keys, this.values] = [this.#marked.keys, this.#marked.values];
    // Copies: decoding writes into them, and the mark must stay.
    [this.keys, this.values] = [this.widened(this.keys, rows), this.widened(this.values, rows)];
  }

  override clear(): void {
    super.clear();
    this.#marked = undefined;
  }

  /** Forgets what leaves the window; the queries see the first tokens and the window of the first of them up to the last. */
  override write(start: number, count: number, rows: NewRows): KeyValues {
    const seen = this.#unrolled(start, count, rows);
    // In order, so that of those that come to one row the last stays.
    for (let row = 0; row < count; row++) this.put(rows, row, ringRow(start + row, this.capacity, this.first));
    return seen;
  }

  /** Positions 0 .. F - 1, then those from start - w + 1 on, in order. Must run before the new rows replace old ones. */
  #unrolled(start: number, count: number, rows: NewRows): KeyValues {
    const { kvHeads, headDim, capacity, first } = this;
    const end = start + count;
    const from = Math.max(first, start - this.window + 1);
    const length = Math.min(first, end) + Math.max(0, end - from);
    const keys = new Float64Array(kvHeads * length * headDim);
    const values = new Float64Array(kvHeads * length * headDim);
    for (let head = 0; head < kvHeads; head++) {
      for (let row = 0; row < length; row++) {
        const p = row < first ? row : from + row - first;
        const old = p < start;
        const at = old ? head * capacity + ringRow(p, capacity, first) : (p - start) * kvHeads + head;
        const to = (head * length + row) * headDim;
        keys.set((old ? this.keys : rows.keys).subarray(at * headDim, (at + 1) * headDim), to);
        values.set((old ? this.values : rows.values).subarray(at * headDim, (at + 1) * headDim), to);
      }
    }
    return { keys, values, first, from };
  }
}

/** The cache of a stream that a layer keeps. */
export function cacheOf(
  kvHeads: number,
  headDim: number,
  stream: KeptStream,
  kvType?: KvType,
): FullCache | WindowCache {
  if (stream.kind === "compressed") return new CompressedCache(kvHeads, headDim, stream);
  return stream.kind === "all"
    ? new FullCache(kvHeads, headDim, stream.means, kvType)
    : new WindowCache(kvHeads, headDim, stream.tokens, stream.first ?? 0);
}
