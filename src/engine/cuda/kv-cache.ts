import { keptRows, type KeptStream } from "../../designs/plan.ts";
import type { LayerCache } from "../decoder/body.ts";
import type { CudaBlock } from "./block.ts";
import type { CudaSession } from "./session.ts";

const HALF = 2;

/** K and V of one layer. */
interface Pair {
  readonly k: CudaBlock;
  readonly v: CudaBlock;
  readonly rows: number;
}

/**
 * The KV cache of one layer: K and V [Hkv, rows, d] of 16 bits, rotated. A full layer has a row per token; a window is a
 * ring of as many rows as its plan keeps at most, positions in them by ringRow (it wraps only at its full size).
 */
export class CudaKvCache implements LayerCache {
  readonly #session: CudaSession;
  readonly #layer: number;
  readonly #kvHeads: number;
  readonly #headDim: number;
  readonly #keeps: KeptStream;
  #held: Pair | undefined;
  /** A ring as `mark` found it. */
  #marked: Pair | undefined;

  constructor(session: CudaSession, layer: number, kvHeads: number, headDim: number, keeps: KeptStream) {
    this.#session = session;
    this.#layer = layer;
    this.#kvHeads = kvHeads;
    this.#headDim = headDim;
    this.#keeps = keeps;
  }

  /** Rows per KV head. */
  get rows(): number {
    return this.#held?.rows ?? 0;
  }

  get k(): bigint {
    return present(this.#held).k.address;
  }

  get v(): bigint {
    return present(this.#held).v.address;
  }

  get bytes(): number {
    return this.#held === undefined ? 0 : this.#held.k.bytes + this.#held.v.bytes;
  }

  reserve(tokens: number, held: number): void {
    const rows = keptRows(this.#keeps, tokens);
    if (rows <= this.rows) return;
    const grown = this.#allocate(rows);
    if (this.#held !== undefined) this.#copy(this.#held, grown, Math.min(held, this.#held.rows));
    this.#free(this.#held);
    this.#held = grown;
  }

  /** A ring; nothing of a full layer. */
  mark(): void {
    this.#free(this.#marked);
    this.#marked = undefined;
    if (this.#keeps.kind === "all" || this.#held === undefined) return;
    this.#marked = this.#allocate(this.rows);
    this.#copy(this.#held, this.#marked, this.rows);
  }

  /** A ring that grew since had not wrapped, so its rows keep their places. */
  rewind(): void {
    if (this.#keeps.kind === "all") return;
    const marked = present(this.#marked);
    this.#copy(marked, present(this.#held), marked.rows);
  }

  clear(): void {
    this.#free(this.#marked);
    this.#free(this.#held);
    [this.#marked, this.#held] = [undefined, undefined];
  }

  #allocate(rows: number): Pair {
    const { allocator } = this.#session;
    const bytes = this.#kvHeads * rows * this.#headDim * HALF;
    const k = allocator.allocate("kv", bytes, this.#layer);
    try {
      return { k, v: allocator.allocate("kv", bytes, this.#layer), rows };
    } catch (error) {
      allocator.free(k);
      throw error;
    }
  }

  /** Copies the first `used` rows of every head. */
  #copy(from: Pair, to: Pair, used: number): void {
    const { context } = this.#session;
    const row = this.#headDim * HALF;
    for (const part of ["k", "v"] as const) {
      for (let head = 0; head < this.#kvHeads; head++) {
        const source = from[part].address + BigInt(head * from.rows * row);
        context.copy(source, to[part].address + BigInt(head * to.rows * row), used * row);
      }
    }
  }

  #free(pair: Pair | undefined): void {
    this.#session.allocator.free(pair?.k);
    this.#session.allocator.free(pair?.v);
  }
}

function present(pair: Pair | undefined): Pair {
  if (pair === undefined) throw new Error("the cache has no room yet, or no mark");
  return pair;
}
