import type { Shape } from "../shape.ts";
import type { CudaBlock } from "./block.ts";
import type { CudaContext, Parameter } from "./context.ts";
import { FullAttention } from "./full-attention.ts";
import { at, HALF, QUERY_WARPS, queryBytes, TENSOR_HEADS, type Address, type KeysAt, WORD } from "./launches.ts";

/** `plain`: float32 products everywhere. `tensor`: tensor cores where a shape allows, whose operands are 16-bit floats. */
export type Arithmetic = "plain" | "tensor";

const THREADS = 256;
const WARP = 32;
/** Blocks of threads and warps as the kernels are written (linear.cu, attend_plain.cu, queries_tensor.cu). */
const PLAIN_TILE = 64;
const TENSOR_TILE = { rows: 128, outputs: 256, sharedBytes: 4 * 48 * 1024 + 1024 } as const;
const PLAIN_WARPS = 4;
const CHUNK_QUERIES = 128;
const CHUNK_KEYS = 64;
/** Rows of (query, head) that share a block's keys at most: block_tiles takes 64 at a time. */
const BLOCK_ROWS = 256;
const PLAN_THREADS = 1024;
const WIDTHS: ReadonlySet<number> = new Set([64, 128]);
export const PLAIN_WIDEST = 256;

/** Rows from which on the tensor cores' tiles pay. */
const TENSOR_ROWS = 16;

/** What gathering queries by block takes: the plan (plan.cu), and what each block gives each query. */
export interface BlockBuffers {
  readonly counts: CudaBlock;
  readonly offsets: CudaBlock;
  readonly items: CudaBlock;
  readonly entries: CudaBlock;
  readonly partial: CudaBlock;
  readonly logs: CudaBlock;
}

/** Bytes of them, for chunks of `rows` queries whose context ends at `tokens`. */
export function blockBufferBytes(ops: CudaOps, rows: number, tokens: number): Record<keyof BlockBuffers, number> {
  const { Hq, Hkv, d, B, slots } = ops.shape;
  const lists = Hkv * Math.ceil(tokens / B) * WORD;
  return {
    counts: lists,
    offsets: lists + WORD,
    items: lists + WORD,
    entries: rows * Hkv * slots * WORD,
    partial: rows * Hq * slots * d * HALF,
    logs: rows * Hq * slots * WORD,
  };
}

/** The launches of one model's layers, with the form of each kernel that fits the shape. */
export class CudaOps {
  readonly shape: Shape;
  readonly #context: CudaContext;
  readonly #arithmetic: Arithmetic;
  /** Of q . k. */
  readonly #scale: Parameter;
  readonly fullAttention: FullAttention;

  constructor(context: CudaContext, shape: Shape, arithmetic: Arithmetic) {
    this.shape = shape;
    this.#context = context;
    this.#arithmetic = arithmetic;
    this.#scale = { float: shape.scale };
    this.fullAttention = new FullAttention(context, shape, this.tensorAttention);
  }

  /** Whether attention runs on tensor cores. */
  get tensorAttention(): boolean {
    const { d, B } = this.shape;
    return this.#arithmetic === "tensor" && WIDTHS.has(d) && B % CHUNK_KEYS === 0;
  }

  embedding(tokens: Address, table: bigint, x: Address, rows: number): void {
    this.#run("embedding", [rows], THREADS, [at(tokens), table, at(x), this.shape.hidden]);
  }

  /** Whether a product takes its rows as 16-bit floats: `norm`, `swiglu` and `halves` give them so. */
  takesHalves(rows: number, inputs: number): boolean {
    return this.#arithmetic === "tensor" && inputs % 8 === 0 && rows >= TENSOR_ROWS;
  }

  /** Rows for a product of as many inputs: `x`, or where it takes 16-bit floats `into`, which gets them. */
  operand(x: Address, into: Address, rows: number, inputs: number): Address {
    if (!this.takesHalves(rows, inputs)) return x;
    const count = rows * inputs;
    this.#run("to_halves", [Math.ceil(count / (2 * THREADS))], THREADS, [at(x), at(into), BigInt(count)]);
    return into;
  }

  /** For a product of `hidden` inputs. */
  norm(x: Address, weight: bigint, y: Address, rows: number): void {
    const { hidden, eps } = this.shape;
    const form = this.takesHalves(rows, hidden) ? "halves" : "floats";
    this.#run(`rmsnorm_${form}`, [rows], THREADS, [at(x), weight, at(y), hidden, { float: eps }]);
  }

  /** y [rows, outputs] = x [rows, inputs] weight^T, plus `residual` where there is one. */
  linear(
    x: Address,
    weight: bigint,
    y: Address,
    { rows, inputs, outputs }: { readonly rows: number; readonly inputs: number; readonly outputs: number },
    residual?: Address,
  ): void {
    const buffers = [at(x), weight, at(residual), at(y)];
    if (rows === 1) {
      this.#run("linear_row", [Math.ceil(outputs / (THREADS / WARP))], THREADS, [...buffers, inputs, outputs]);
      return;
    }
    const parameters = [...buffers, rows, inputs, outputs];
    if (this.takesHalves(rows, inputs)) {
      const blocks = [Math.ceil(rows / TENSOR_TILE.rows), Math.ceil(outputs / TENSOR_TILE.outputs)] as const;
      this.#run("linear_tensor", blocks, THREADS, parameters, TENSOR_TILE.sharedBytes);
    } else {
      this.#run("linear_plain", [Math.ceil(outputs / PLAIN_TILE), Math.ceil(rows / PLAIN_TILE)], THREADS, parameters);
    }
  }

  /** Cuts rows of q | k | v ... `stride` wide: q rotated, k and v into `into` from row `firstRow` on. */
  split(
    projected: Address,
    frequencies: bigint,
    q: Address,
    into: KeysAt,
    {
      rows,
      start,
      stride,
      firstRow,
    }: { readonly rows: number; readonly start: number; stride: number; firstRow: number },
  ): void {
    const { Hq, Hkv, d } = this.shape;
    const parameters = [
      at(projected),
      frequencies,
      at(q),
      into.k,
      into.v,
      stride,
      start,
      Hq,
      Hkv,
      d,
      into.rows,
      firstRow,
    ];
    this.#run("rope_split", [rows], THREADS, parameters, d * WORD);
  }

  append(chunk: KeysAt, ring: KeysAt, start: number, first: number): void {
    const { Hkv, d } = this.shape;
    const sizes = [chunk.rows, start, d, ring.rows, first];
    this.#run("append", [chunk.rows, Hkv], Math.min(THREADS, WARP * Math.ceil(d / WARP)), [
      ...[chunk.k, chunk.v, ring.k, ring.v],
      ...sizes,
    ]);
  }

  /** [rows, Hq, d] */
  zero(out: CudaBlock, rows: number): void {
    this.#context.zero(out, rows * this.shape.Hq * this.shape.d * WORD);
  }

  topk(
    scores: Address,
    into: { readonly blocks: bigint; readonly scores: bigint },
    { rows, start }: { readonly rows: number; readonly start: number },
  ): void {
    const { Hkv, slots, B } = this.shape;
    const lists = rows * Hkv;
    const sizes = [lists, Hkv, Math.ceil((start + rows) / B), slots, B, start];
    this.#run("block_topk", [Math.ceil(lists / (THREADS / WARP))], THREADS, [
      ...[at(scores), into.blocks, into.scores],
      ...sizes,
    ]);
  }

  /** Whether a chunk's queries are gathered by the blocks that they chose, rather than go to theirs one by one. */
  gathersBlocks(rows: number): boolean {
    return this.tensorAttention && this.shape.B === CHUNK_KEYS && rows >= TENSOR_ROWS;
  }

  /** Attention to the blocks that `list` [rows, Hkv, slots] names, of a context that ends with the chunk. */
  blocks(
    q: Address,
    { k, v, rows: room }: KeysAt,
    list: bigint,
    sinks: bigint | undefined,
    out: Address,
    { rows, start }: { readonly rows: number; readonly start: number },
    buffers: BlockBuffers,
  ): void {
    const { Hq, Hkv, G, d, B, slots } = this.shape;
    if (!this.gathersBlocks(rows)) {
      const from = [at(q), k, v, list, at(sinks), at(out), rows, Hq, Hkv];
      const sizes = [room, start, B, slots, this.#scale];
      if (this.tensorAttention) this.#queries("blocks", rows, [...from, ...sizes]);
      else this.#plain("blocks", rows, [...from, d, ...sizes]);
      return;
    }
    const all = Math.ceil((start + rows) / B);
    const lists = Hkv * all;
    const chosen = rows * Hkv * slots;
    const most = Math.max(1, Math.floor(BLOCK_ROWS / G));
    const { counts, offsets, items, entries, partial, logs } = buffers;
    this.#context.zero(counts, lists * WORD);
    this.#each("plan_count", chosen, [list, at(counts), rows, Hkv, slots, all]);
    this.#run("plan_offsets", [1], PLAN_THREADS, [at(counts), at(offsets), at(items), lists, most]);
    this.#each("plan_scatter", chosen, [list, at(counts), at(entries), rows, Hkv, slots, all]);
    const plan = [at(offsets), at(items), at(entries)];
    const sizes = [rows, Hq, Hkv, room, start, slots, all, most, this.#scale];
    const parameters = [at(q), k, v, ...plan, at(partial), at(logs), ...sizes];
    // Every list may end in an item that is not full.
    const blocks = Math.ceil(chosen / most) + lists;
    this.#run(`block_tiles_${d}`, [blocks], QUERY_WARPS * WARP, parameters, 2 * CHUNK_KEYS * d * HALF);
    const merged = [at(partial), at(logs), list, at(sinks), at(out), rows * Hq, Hq, Hkv, slots];
    this.#run(`merge_blocks_${d}`, [Math.ceil((rows * Hq * d) / 8 / THREADS)], THREADS, merged);
  }

  /** Attention to the last `window` positions and the `first`; the chunk's own keys lie in `own`, or where absent in the ring. */
  window(
    q: Address,
    ring: KeysAt,
    own: KeysAt | undefined,
    sinks: bigint | undefined,
    out: Address,
    { rows, start, window, first }: { readonly rows: number; readonly start: number; window: number; first: number },
  ): void {
    const { Hq, Hkv, d } = this.shape;
    const buffers = [at(q), ring.k, ring.v, at(own?.k), at(own?.v), at(sinks), at(out), rows, Hq, Hkv];
    const sizes = [ring.rows, start, window, first, this.#scale];
    if (!this.tensorAttention) {
      this.#plain("window", rows, [...buffers, d, ...sizes]);
    } else if (own === undefined || rows < TENSOR_ROWS) {
      this.#queries("window", rows, [...buffers, ...sizes]);
    } else {
      const blocks = [Math.ceil(rows / CHUNK_QUERIES), Hq] as const;
      this.#run(`window_chunk_${d}`, blocks, THREADS, [...buffers, ...sizes], 4 * CHUNK_KEYS * d * HALF);
    }
  }

  /** out = sigmoid(sparse gate) sparse + sigmoid(window gate) window; the gates lie in `projected` behind q | k | v. */
  fuse(sparse: Address, window: Address, projected: Address, out: Address, rows: number, stride: number): void {
    const { Hq, Hkv, d, gates } = this.shape;
    const sizes = [rows, Hq * d, stride, (Hq + 2 * Hkv) * d, gates];
    this.#each("gate_fusion", rows * Hq * d, [at(sparse), at(window), at(projected), at(out), ...sizes]);
  }

  /** For a product of `intermediate` inputs. */
  swiglu(gateUp: Address, y: Address, rows: number): void {
    const { intermediate } = this.shape;
    const form = this.takesHalves(rows, intermediate) ? "halves" : "floats";
    this.#each(`swiglu_${form}`, rows * intermediate, [at(gateUp), at(y), rows, intermediate]);
  }

  #queries(op: string, rows: number, parameters: readonly Parameter[]): void {
    const { Hkv, G, d } = this.shape;
    const blocks = [rows, Hkv * Math.ceil(G / TENSOR_HEADS)] as const;
    this.#run(`${op}_tensor_${d}`, blocks, QUERY_WARPS * WARP, parameters, queryBytes(d));
  }

  #plain(op: string, rows: number, parameters: readonly Parameter[]): void {
    const blocks = Math.ceil((rows * this.shape.Hq) / PLAIN_WARPS);
    this.#run(`${op}_plain`, [blocks], PLAIN_WARPS * WARP, parameters);
  }

  #each(kernel: string, count: number, parameters: readonly Parameter[]): void {
    this.#run(kernel, [Math.ceil(count / THREADS)], THREADS, parameters);
  }

  #run(
    kernel: string,
    blocks: readonly [number, number?, number?],
    threads: number,
    parameters: readonly Parameter[],
    sharedBytes = 0,
  ): void {
    this.#context.launch({ kernel, blocks, threads, parameters, sharedBytes });
  }
}
