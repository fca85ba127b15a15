import type { Shape } from "../shape.ts";
import type { CudaBlock } from "./allocator.ts";
import type { CudaContext, Parameter } from "./context.ts";

/** `plain`: float32 products everywhere. `tensor`: tensor cores where a shape allows, whose operands are 16-bit floats. */
export type Arithmetic = "plain" | "tensor";

const THREADS = 256;
const WARP = 32;
/** Blocks of threads and warps as the kernels are written (linear.cu, attend_plain.cu, queries_tensor.cu). */
const LINEAR_TILE = { plain: 64, tensor: 128 } as const;
const PLAIN_WARPS = 4;
const QUERY_WARPS = 4;
const QUERY_KEYS = 32;
const FULL_QUERIES = 128;
const FULL_KEYS = 64;
/** The tensor cores' rows. */
const HEADS = 16;
const WIDTHS: ReadonlySet<number> = new Set([64, 128]);
export const PLAIN_WIDEST = 256;
const HALF = 2;
const WORD = 4;
const NONE = 0n;

/** Products of few rows are bound by the weights: the plain form reads them once for 64 rows as well. */
const TENSOR_ROWS = 16;

export type Address = CudaBlock | bigint;

/** Keys and values, halves [Hkv, rows, d]. */
export interface KeysAt {
  readonly k: bigint;
  readonly v: bigint;
  readonly rows: number;
}

/** What full attention leaves for scores: buffers of the workspace. */
export interface Scored {
  readonly maxima: Address;
  readonly lse: Address;
  readonly scores: Address;
}

const at = (address: Address | undefined): bigint =>
  address === undefined ? NONE : typeof address === "bigint" ? address : address.address;

/** The launches of one model's layers, with the form of each kernel that fits the shape. */
export class CudaOps {
  readonly shape: Shape;
  readonly #context: CudaContext;
  readonly #arithmetic: Arithmetic;
  /** Of q . k. */
  readonly #scale: Parameter;

  constructor(context: CudaContext, shape: Shape, arithmetic: Arithmetic) {
    this.shape = shape;
    this.#context = context;
    this.#arithmetic = arithmetic;
    this.#scale = { float: shape.scale };
  }

  /** Whether attention runs on tensor cores. */
  get tensorAttention(): boolean {
    const { d, B } = this.shape;
    return this.#arithmetic === "tensor" && WIDTHS.has(d) && B % FULL_KEYS === 0;
  }

  /** Blocks that share the context of a decoded token. */
  splits(tokens: number): number {
    if (!this.tensorAttention) return 1;
    const { Hkv, G, B } = this.shape;
    const parts = Hkv * Math.ceil(G / HEADS);
    const perProcessor = this.shape.d === 64 ? 3 : 1;
    const most = Math.ceil((perProcessor * this.#context.device.processors) / parts);
    return Math.max(1, Math.min(most, Math.floor(Math.ceil(tokens / B) / QUERY_WARPS)));
  }

  embedding(tokens: Address, table: bigint, x: Address, rows: number): void {
    this.#run("embedding", [rows], THREADS, [at(tokens), table, at(x), this.shape.hidden]);
  }

  norm(x: Address, weight: bigint, y: Address, rows: number): void {
    const { hidden, eps } = this.shape;
    this.#run("rmsnorm", [rows], THREADS, [at(x), weight, at(y), hidden, { float: eps }]);
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
    const form = this.#arithmetic === "tensor" && inputs % 8 === 0 && rows >= TENSOR_ROWS ? "tensor" : "plain";
    const tile = LINEAR_TILE[form];
    this.#run(`linear_${form}`, [Math.ceil(outputs / tile), Math.ceil(rows / tile)], THREADS, [
      ...buffers,
      ...[rows, inputs, outputs],
    ]);
  }

  /** Cuts rows of q | k | v ... `stride` wide: q rotated, k and v into `into` from row `firstRow` on. */
  split(
    projected: Address,
    frequencies: bigint,
    q: Address,
    into: KeysAt,
    { rows, start, stride, firstRow }: { readonly rows: number; readonly start: number; stride: number; firstRow: number },
  ): void {
    const { Hq, Hkv, d } = this.shape;
    const parameters = [at(projected), frequencies, at(q), into.k, into.v, stride, start, Hq, Hkv, d, into.rows, firstRow];
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

  /** Causal attention of a chunk to a whole cache, with block scores [rows, Hkv, blocks] where anyone asks. */
  full(
    q: Address,
    { k, v, rows: room }: KeysAt,
    out: Address,
    { rows, start }: { readonly rows: number; readonly start: number },
    scored: Scored | undefined,
    partials: { readonly values: Address; readonly sums: Address },
  ): void {
    const { Hq, Hkv, G, d, B } = this.shape;
    const all = Math.ceil((start + rows) / B);
    const buffers = [at(q), k, v, at(out), at(scored?.maxima), at(scored?.lse)];
    if (!this.tensorAttention) {
      const blocks = Math.ceil((rows * Hq) / PLAIN_WARPS);
      const parameters = [...buffers, rows, Hq, Hkv, d, room, start, B, all, this.#scale];
      this.#run("full_plain", [blocks], PLAIN_WARPS * WARP, parameters);
    } else if (rows === 1) {
      const splits = this.splits(start + 1);
      const blocks = [1, Hkv * Math.ceil(G / HEADS), splits] as const;
      const sizes = [rows, Hq, Hkv, room, start, B, all, splits, this.#scale];
      const parameters = [...buffers, at(partials.values), at(partials.sums), ...sizes];
      this.#run(`decode_tensor_${d}`, blocks, QUERY_WARPS * WARP, parameters, queryBytes(d));
      if (splits > 1) {
        const merged = [at(partials.values), at(partials.sums), at(out), at(scored?.lse), d, splits];
        this.#run("merge_splits", [Hq], d, merged);
      }
    } else {
      const parameters = [...buffers, rows, Hq, Hkv, room, start, B, all, this.#scale];
      this.#run(`full_tensor_${d}`, [Math.ceil(rows / FULL_QUERIES), Hq], THREADS, parameters, 4 * FULL_KEYS * d * HALF);
    }
    if (scored === undefined) return;
    const parameters = [at(scored.maxima), at(scored.lse), at(scored.scores), rows, Hkv, G, all, B, start];
    this.#run("block_scores", [Math.ceil(all / THREADS), rows, Hkv], THREADS, parameters);
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

  /** Attention to the blocks that `list` [rows, Hkv, slots] names. */
  blocks(
    q: Address,
    { k, v, rows: room }: KeysAt,
    list: bigint,
    sinks: bigint | undefined,
    out: Address,
    { rows, start }: { readonly rows: number; readonly start: number },
  ): void {
    const { Hq, Hkv, d, B, slots } = this.shape;
    const buffers = [at(q), k, v, list, at(sinks), at(out), rows, Hq, Hkv];
    const sizes = [room, start, B, slots, this.#scale];
    if (this.tensorAttention) this.#queries("blocks", rows, [...buffers, ...sizes]);
    else this.#plain("blocks", rows, [...buffers, d, ...sizes]);
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
    if (this.tensorAttention) this.#queries("window", rows, [...buffers, ...sizes]);
    else this.#plain("window", rows, [...buffers, d, ...sizes]);
  }

  /** out = sigmoid(sparse gate) sparse + sigmoid(window gate) window; the gates lie in `projected` behind q | k | v. */
  fuse(sparse: Address, window: Address, projected: Address, out: Address, rows: number, stride: number): void {
    const { Hq, Hkv, d, gates } = this.shape;
    const sizes = [rows, Hq * d, stride, (Hq + 2 * Hkv) * d, gates];
    this.#each("gate_fusion", rows * Hq * d, [at(sparse), at(window), at(projected), at(out), ...sizes]);
  }

  swiglu(gateUp: Address, y: Address, rows: number): void {
    const { intermediate } = this.shape;
    this.#each("swiglu", rows * intermediate, [at(gateUp), at(y), rows, intermediate]);
  }

  #queries(op: string, rows: number, parameters: readonly Parameter[]): void {
    const { Hkv, G, d } = this.shape;
    const blocks = [rows, Hkv * Math.ceil(G / HEADS)] as const;
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

/** Shared memory of queries_tensor: two buffers of keys and values for each warp. */
function queryBytes(d: number): number {
  return QUERY_WARPS * 4 * QUERY_KEYS * d * HALF;
}
