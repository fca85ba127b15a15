import { OWN_BLOCK, type ForcedBlocks } from "../../../kernels/block-topk/block-topk.ts";
import type { BlockGate } from "../../designs/plan.ts";
import type { RunObserver, Stage } from "../engine.ts";
import type { BlockList, OracleSelection } from "../selection.ts";
import type { Shape } from "../shape.ts";
import type { Buffers } from "./buffers.ts";
import type { Chunk } from "./chunk.ts";
import type { Call } from "./kernels/call.ts";
import type { FullPaths } from "./full-paths.ts";
import type { KernelPool } from "./kernels/pool.ts";
import type { KvCache } from "./kv-cache.ts";
import type { StageClock } from "./stage-clock.ts";

/** Bytes that the block scores of one call may take. */
const SCORE_BYTES = 32 * 1024 * 1024;

/** Queries of one scored call over `keys` keys, so that the block scores of its lists stay within their bound. */
export function scoredQueries(lists: number, block: number, keys: number): number {
  return Math.max(1, Math.floor(SCORE_BYTES / (4 * lists * Math.ceil(keys / block))));
}

/** Floats of block scores that a chunk of `rows` queries with so many lists, over `keys` keys, holds at once. */
export function scoreFloats(lists: number, block: number, rows: number, keys: number): number {
  return Math.min(rows, scoredQueries(lists, block, keys)) * lists * Math.ceil(keys / block);
}

/** One branch of a layer's attention: its sinks [Hq], minus infinity for none, and where its rows go. */
export interface Branch {
  readonly sinks: Float32Array;
  /** After the sigmoid, [C, Hq] or [C, Hq d]; ones when absent. */
  readonly gate?: Float32Array;
  /** The second branch is added to the first. */
  readonly add?: boolean;
  /** [C, Hq d] */
  readonly out: Float32Array;
}

/** What a full layer's block scores are for. */
export interface Scored {
  /** The selection that is made from them. */
  readonly into: OracleSelection | undefined;
  /** Blocks that are in it whatever they score. */
  readonly forced?: ForcedBlocks | undefined;
  readonly onScores: RunObserver["onScores"];
}

/** What a window is read from: older positions lie in the ring, the chunk's own keys and values are [Hkv, count, d]. */
export interface Window {
  readonly ring: KvCache;
  readonly w: number;
  readonly k: Float32Array;
  readonly v: Float32Array;
}

/**
 * The attentions of the CPU engine, over chunks of queries: on our own kernels, full attention on what is fastest.
 * Outputs are [C, Hq d].
 */
export class Attention {
  /** Sinks of attention that has none: minus infinity for each query head. */
  readonly noSinks: Float32Array;
  readonly #s: Shape;
  readonly #kernels: KernelPool;
  readonly #fullPaths: FullPaths;
  readonly #buffers: Buffers;

  constructor(shape: Shape, kernels: KernelPool, fullPaths: FullPaths, buffers: Buffers) {
    this.noSinks = new Float32Array(shape.Hq).fill(-Infinity);
    this.#s = shape;
    this.#fullPaths = fullPaths;
    this.#kernels = kernels;
    this.#buffers = buffers;
  }

  /**
   * Causal attention over the whole cache. With `scored` it emits block scores too, fills a selection from them and hands them
   * on.
   */
  async full(chunk: Chunk, cache: KvCache, out: Float32Array, clock: StageClock, scored?: Scored): Promise<void> {
    const { Hkv, Hq, G, d, B } = this.#s;
    const { layer, count } = chunk;
    if (scored === undefined) {
      await clock.time(layer, "attend", () =>
        this.#fullPaths.run(chunk, cache, this.#buffers, out, undefined, clock.signal),
      );
      return;
    }
    const { into, forced, onScores } = scored;
    const step = Math.min(count, scoredQueries(Hkv, B, chunk.start + count));
    for (let from = 0; from < count; from += step) {
      const part = this.#part(chunk, from, Math.min(step, count - from));
      const blocks = Math.ceil((part.start + part.count) / B);
      const scores = this.#buffers.get("scores", part.count * Hkv * blocks);
      const rows = out.subarray(from * Hq * d, (from + part.count) * Hq * d);
      await clock.time(layer, "score", () =>
        this.#fullPaths.run(part, cache, this.#buffers, rows, scores, clock.signal),
      );
      if (into !== undefined) {
        const [first, end] = [part.start * Hkv * into.slots, (part.start + part.count) * Hkv * into.slots];
        const list = into.blocks.subarray(first, end);
        const kept = into.scores.subarray(first, end);
        const { start, count: queries } = part;
        const shape = { start, count: queries, heads: Hkv, G, share: 1, d, B, scale: 0, slots: into.slots };
        await this.#run(layer, "select", { op: "topk", ...shape, forced, scores, list, kept }, clock);
      }
      onScores?.(layer, part.start, part.count, blocks, scores);
    }
  }

  /** Attention over the blocks that `chosen` [C, Hkv, slots] lists, of `oracle`'s cache. */
  async sparse(chunk: Chunk, oracle: KvCache, chosen: BlockList, branch: Branch, clock: StageClock): Promise<void> {
    const slots = { slots: this.#s.slots, list: chosen };
    const call: Call = { ...this.#call(chunk), op: "sparse", ...whole(oracle), ...slots, ...branch };
    await this.#run(chunk.layer, "sparse", call, clock);
  }

  /**
   * Attention of every query head to the blocks of the cache whose mean keys answer it best, and to the block that it stands in.
   * The cache holds the chunk; the means of the blocks that it fills are made first.
   */
  async ownChoice(chunk: Chunk, cache: KvCache, gate: BlockGate, out: Float32Array, clock: StageClock): Promise<void> {
    const { Hkv, Hq, G, d, scale } = this.#s;
    const { layer, start, count } = chunk;
    const { block: B } = gate;
    const [before, full] = [Math.floor(start / B), Math.floor((start + count) / B)];
    if (full > before) {
      const call = { start, count, heads: Hkv, G: 1, share: 1, d, B, scale: 0 };
      await this.#run(layer, "select", { op: "means", ...call, ...whole(cache), out: cache.means }, clock);
    }
    const slots = Math.min(gate.top, Math.ceil((start + count) / B));
    const list = new Uint32Array(this.#buffers.get("own-choice", count * Hq * slots).buffer, 0, count * Hq * slots);
    const each = { heads: Hq, G: 1, share: G, d, B };
    const step = Math.min(count, scoredQueries(Hq, B, start + count));
    for (let from = 0; from < count; from += step) {
      const part = this.#part(chunk, from, Math.min(step, count - from));
      const { start: first, count: queries } = part;
      const scores = this.#buffers.get("scores", queries * Hq * Math.ceil((first + queries) / B));
      const call = { start: first, count: queries, ...each, scale: 0, scores };
      const blocks = { k: cache.means, cap: cache.means.length / (Hkv * d) };
      await this.#run(layer, "select", { op: "gate", ...call, q: part.q, ...blocks }, clock);
      const chosen = list.subarray(from * Hq * slots, (from + queries) * Hq * slots);
      await this.#run(layer, "select", { op: "topk", ...call, slots, forced: OWN_BLOCK, list: chosen }, clock);
    }
    const call = { start, count, ...each, scale, q: chunk.q, slots, list, out };
    await this.#run(layer, "sparse", { op: "sparse", ...call, ...whole(cache) }, clock);
  }

  /**
   * Attention to each query's last `w` positions, of the chunk's own keys and of older ones in the ring, and to the first of
   * the context where the ring keeps them.
   */
  async window(chunk: Chunk, { ring, w, k, v }: Window, branch: Branch, clock: StageClock): Promise<void> {
    const call: Call = {
      ...this.#call(chunk),
      op: "window",
      ...whole(ring),
      window: w,
      first: ring.first,
      own: { k, v },
      ...branch,
    };
    await this.#run(chunk.layer, "window", call, clock);
  }

  #run(layer: number, stage: Stage, call: Call, clock: StageClock): Promise<void> {
    return clock.time(layer, stage, () => this.#kernels.run(call, clock.signal));
  }

  #call({ start, count, q }: Chunk): Omit<Call, "op"> {
    const { Hkv, G, d, B, scale } = this.#s;
    return { start, count, heads: Hkv, G, share: 1, d, B, scale, q };
  }

  #part(chunk: Chunk, from: number, count: number): Chunk {
    return partOf(chunk, from, count, this.#s.Hkv, this.#buffers);
  }
}

/** Queries from .. from + count - 1 of a chunk; those of one KV head are neighbours, so a part of them is a copy. */
export function partOf(chunk: Chunk, from: number, count: number, heads: number, buffers: Buffers): Chunk {
  if (count === chunk.count) return chunk;
  const row = chunk.q.length / (heads * chunk.count);
  const q = buffers.get("part-q", heads * count * row);
  for (let head = 0; head < heads; head++) {
    const at = (head * chunk.count + from) * row;
    q.set(chunk.q.subarray(at, at + count * row), head * count * row);
  }
  return { layer: chunk.layer, start: chunk.start + from, count, q };
}

/** A cache as the kernels read it. */
export function whole(cache: KvCache): Pick<Required<Call>, "k" | "v" | "cap"> {
  return { k: cache.k, v: cache.v, cap: cache.capacity };
}
