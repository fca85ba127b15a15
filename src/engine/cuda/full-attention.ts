import type { Shape } from "../shape.ts";
import type { CudaContext, Launch, Parameter } from "./context.ts";
import { at, HALF, QUERY_WARPS, queryBytes, TENSOR_HEADS, WORD, type Address, type KeysAt } from "./launches.ts";
import type { Tiles } from "./tensor-maps.ts";

const WARP = 32;
const THREADS = 256;
/** A warp of full_plain takes a query of a head; full_tensor's block 128 queries of a head and tiles of 64 keys. */
const PLAIN_WARPS = 4;
const CHUNK_QUERIES = 128;
const CHUNK_KEYS = 64;
/** full_group.cu: queries and keys of a tile, threads, rows from which on it pays. */
const GROUP = { tile: 128, threads: 384, rows: 16 } as const;
/** Rows and blocks that tile_scores takes at a time. */
const SCORED = { rows: 16, blocks: 64 } as const;
/** decode_ring.cu: warps that have a buffer, keys of it, KV heads and heads of a group at most. */
const RING = { warps: 7, keys: 64, kvHeads: 256, heads: 128 } as const;
/** Keys of a block of which full_group and decode_ring leave the largest logit. */
const MAXIMA_KEYS = 64;

/** What full attention leaves for scores: buffers of the workspace. */
export interface Scored {
  readonly maxima: Address;
  readonly lse: Address;
  readonly scores: Address;
}

/** Where a choice of blocks goes. */
export interface Choice {
  readonly blocks: bigint;
  readonly scores: bigint;
}

/** One call: attention of `rows` queries from position `start` on to a cache that ends with theirs. */
export interface FullCall {
  readonly q: Address;
  readonly keys: KeysAt;
  readonly out: Address;
  readonly rows: number;
  readonly start: number;
  readonly scored: Scored | undefined;
  /** What the processors share of a decoded token. */
  readonly partials: { readonly values: Address; readonly sums: Address };
  /** Only where choosesToo says so. */
  readonly choice: Choice | undefined;
}

/** A kernel for full attention: for which numbers of rows it is there, and what it runs. The first that fits is taken. */
interface Form {
  readonly fits: (rows: number) => boolean;
  readonly run: (call: FullCall) => void;
  readonly maximaBytes: (rows: number, tokens: number) => Pick<Record<keyof Scored, number>, "maxima" | "lse">;
}

/** Causal attention to a whole cache, with the scores of its blocks where anyone asks. */
export class FullAttention {
  readonly #context: CudaContext;
  readonly #shape: Shape;
  readonly #scale: Parameter;
  /** Blocks of threads that take the heads of one query on tensor cores. */
  readonly #parts: number;
  readonly #forms: readonly Form[];
  readonly #ring: boolean;
  readonly #tensor: boolean;

  /** @param tensor whether tensor cores take the shape */
  constructor(context: CudaContext, shape: Shape, tensor: boolean) {
    const { G, Hkv, Hq } = shape;
    this.#context = context;
    this.#shape = shape;
    this.#scale = { float: shape.scale };
    this.#tensor = tensor;
    this.#parts = Hkv * Math.ceil(G / TENSOR_HEADS);
    this.#ring = tensor && this.#parts <= context.device.processors && Hkv <= RING.kvHeads && G <= RING.heads;
    const ofRows = (rows: number, tokens: number): { maxima: number; lse: number } => ({
      maxima: rows * Hq * Math.ceil(tokens / shape.B) * WORD,
      lse: rows * Hq * WORD,
    });
    this.#forms = [
      {
        fits: (rows) => this.#ring && rows === 1,
        run: (call) => this.#runRing(call),
        maximaBytes: (_, tokens) => ({ maxima: Hq * Math.ceil(tokens / MAXIMA_KEYS) * WORD, lse: 0 }),
      },
      { fits: (rows) => tensor && rows === 1, run: (call) => this.#runSplits(call), maximaBytes: ofRows },
      {
        fits: (rows) => tensor && rows >= GROUP.rows,
        run: (call) => this.#runGroups(call),
        maximaBytes: (rows, tokens) => {
          // A chunk may begin and end within a tile.
          const tiled = Math.ceil((rows + GROUP.tile - 1) / GROUP.tile) * GROUP.tile;
          const blocks = (Math.ceil(tokens / GROUP.tile) * GROUP.tile) / MAXIMA_KEYS;
          return { maxima: tiled * Hq * blocks * WORD, lse: tiled * Hq * WORD };
        },
      },
      { fits: () => tensor, run: (call) => this.#runTensor(call), maximaBytes: ofRows },
      { fits: () => true, run: (call) => this.#runPlain(call), maximaBytes: ofRows },
    ];
  }

  run(call: FullCall): void {
    this.#form(call.rows).run(call);
  }

  /** Whether the launch that attends chooses blocks as well. */
  choosesToo(rows: number): boolean {
    return this.#ring && rows === 1;
  }

  /** Blocks of threads that share the context of a decoded token. */
  splits(tokens: number): number {
    if (!this.#tensor) return 1;
    const { processors } = this.#context.device;
    const { d, B } = this.#shape;
    const [most, worth] = this.#ring
      ? [Math.floor(processors / this.#parts), Math.ceil(tokens / RING.keys / RING.warps)]
      : [Math.ceil(((d === 64 ? 3 : 1) * processors) / this.#parts), Math.floor(Math.ceil(tokens / B) / QUERY_WARPS)];
    return Math.max(1, Math.min(most, worth));
  }

  /** Bytes of the buffers of scores, for chunks of `rows` queries whose context ends at `tokens`. */
  scoreBytes(rows: number, tokens: number): Record<keyof Scored, number> {
    const { Hkv, B } = this.#shape;
    return { ...this.#form(rows).maximaBytes(rows, tokens), scores: rows * Hkv * Math.ceil(tokens / B) * WORD };
  }

  #form(rows: number): Form {
    return this.#forms.find(({ fits }) => fits(rows))!;
  }

  #runPlain(call: FullCall): void {
    const { Hq, Hkv, d, B } = this.#shape;
    const { rows, start, keys } = call;
    const sizes = [rows, Hq, Hkv, d, keys.rows, start, B, this.#blocks(call), this.#scale];
    this.#launch("full_plain", [Math.ceil((rows * Hq) / PLAIN_WARPS)], PLAIN_WARPS * WARP, [
      ...buffers(call),
      ...sizes,
    ]);
    this.#scoreRows(call);
  }

  #runTensor(call: FullCall): void {
    const { Hq, Hkv, d, B } = this.#shape;
    const { rows, start, keys } = call;
    const sizes = [rows, Hq, Hkv, keys.rows, start, B, this.#blocks(call), this.#scale];
    const blocks = [Math.ceil(rows / CHUNK_QUERIES), Hq] as const;
    this.#launch(`full_tensor_${d}`, blocks, THREADS, [...buffers(call), ...sizes], 4 * CHUNK_KEYS * d * HALF);
    this.#scoreRows(call);
  }

  #runSplits(call: FullCall): void {
    const { Hq, Hkv, d, B } = this.#shape;
    const { rows, start, keys, out, scored, partials } = call;
    const splits = this.splits(start + 1);
    const sizes = [rows, Hq, Hkv, keys.rows, start, B, this.#blocks(call), splits, this.#scale];
    const parameters = [...buffers(call), at(partials.values), at(partials.sums), ...sizes];
    this.#launch(`decode_tensor_${d}`, [1, this.#parts, splits], QUERY_WARPS * WARP, parameters, queryBytes(d));
    if (splits > 1) {
      const merged = [at(partials.values), at(partials.sums), at(out), at(scored?.lse), d, splits];
      this.#launch("merge_splits", [Hq], d, merged);
    }
    this.#scoreRows(call);
  }

  #runGroups(call: FullCall): void {
    const { Hq, Hkv, G, d, B } = this.#shape;
    const { q, out, rows, start, scored } = call;
    const tiles = Math.ceil(((start % GROUP.tile) + rows) / GROUP.tile);
    const left = scored === undefined ? [] : [at(scored.maxima), at(scored.lse)];
    const parameters = [...this.#tiles(call, GROUP.tile), at(q), at(out), ...left, rows, Hq, Hkv, start, this.#scale];
    const blocks = Math.min(this.#context.device.processors, tiles * Hq);
    const sharedBytes = (d === 128 ? 6 : 8) * GROUP.tile * d * HALF;
    const kernel = `full_group_${scored === undefined ? "" : "scores_"}${d}`;
    this.#launch(kernel, [blocks], GROUP.threads, parameters, sharedBytes);
    if (scored === undefined) return;
    const all = this.#blocks(call);
    const counts = [Math.ceil(all / SCORED.blocks), (tiles * GROUP.tile) / SCORED.rows, Hkv] as const;
    const sizes = [rows, Hkv, G, all, B / MAXIMA_KEYS, start];
    this.#launch("tile_scores", counts, THREADS, [...left, at(scored.scores), ...sizes]);
  }

  #runRing(call: FullCall): void {
    const { Hq, Hkv, d, B, slots } = this.#shape;
    const { q, out, start, scored, partials, choice } = call;
    const tokens = start + 1;
    const scratch = [at(scored?.maxima), at(partials.values), at(partials.sums)];
    const found = [at(scored?.scores), at(choice?.blocks), at(choice?.scores)];
    const sizes = [Hq, Hkv, tokens, B / MAXIMA_KEYS, slots, this.#scale];
    const parameters = [...this.#tiles(call, RING.keys), at(q), at(out), ...scratch, ...found, ...sizes];
    const blocks = [this.splits(tokens), this.#parts] as const;
    this.#launch(`decode_ring_${d}`, blocks, THREADS, parameters, RING.warps * 2 * RING.keys * d * HALF);
  }

  /** Scores from the maxima of rows. */
  #scoreRows(call: FullCall): void {
    const { Hkv, G, B } = this.#shape;
    const { rows, start, scored } = call;
    if (scored === undefined) return;
    const all = this.#blocks(call);
    const parameters = [at(scored.maxima), at(scored.lse), at(scored.scores), rows, Hkv, G, all, B, start];
    this.#launch("block_scores", [Math.ceil(all / THREADS), rows, Hkv], THREADS, parameters);
  }

  #blocks({ start, rows }: FullCall): number {
    return Math.ceil((start + rows) / this.#shape.B);
  }

  #tiles({ keys: { k, v, rows: room }, start, rows }: FullCall, tile: number): readonly { readonly tiles: Tiles }[] {
    const { Hkv, d } = this.#shape;
    return [k, v].map((address) => ({ tiles: { address, heads: Hkv, rows: start + rows, room, width: d, tile } }));
  }

  #launch(
    kernel: string,
    blocks: Launch["blocks"],
    threads: number,
    parameters: readonly Parameter[],
    sharedBytes = 0,
  ): void {
    this.#context.launch({ kernel, blocks, threads, parameters, sharedBytes });
  }
}

function buffers({ q, keys: { k, v }, out, scored }: FullCall): readonly bigint[] {
  return [at(q), k, v, at(out), at(scored?.maxima), at(scored?.lse)];
}
