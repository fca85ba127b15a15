import type { RunObserver, Stage } from "../engine.ts";
import type { OracleSelection } from "../selection.ts";
import type { Buffers } from "./buffers.ts";
import { planDispatch, type ChosenBlocks, type DispatchPlan } from "./dispatch-plan.ts";
import { fullAttentionGraph, type FullAttentionForm } from "./graphs/full-attention.ts";
import { sparseAttentionGraph } from "./graphs/sparse-attention.ts";
import { windowAttentionGraph } from "./graphs/window-attention.ts";
import type { KvCache } from "./kv-cache.ts";
import { floats, int32s, int64, int64s, type Sessions } from "./session.ts";
import type { Shape } from "../shape.ts";
import type { StageClock } from "./stage-clock.ts";
import { selectTopBlocks } from "./top-blocks.ts";

/**
 * Most queries of one full-attention call. Masking costs 128 x 128 scattered elements per query head and call, which at 256
 * was a third of a call at 1,024 tokens; fewer queries than 128 make the matrix products slower.
 */
const FULL_QUERIES = 128;
/** Bytes that the logits of one full-attention call may take; its probabilities take as many again. */
export const FULL_LOGIT_BYTES = 128 * 1024 * 1024;
/** Queries per sliding-window tile: small tiles waste less outside the band, large ones copy fewer keys. */
const WINDOW_QUERIES = 64;

/** Queries start .. start + count - 1 of one layer: q [Hkv, count, G d], everything per KV head contiguous. */
export interface Chunk {
  readonly layer: number;
  readonly start: number;
  readonly count: number;
  readonly q: Float32Array;
}

/** The three attentions of the CPU engine, over chunks of queries. Outputs are [Hkv, count, G d]. */
export class Attention {
  readonly #s: Shape;
  readonly #sessions: Sessions;
  readonly #buffers: Buffers;
  readonly #masks = new Map<string, Float32Array>();

  constructor(shape: Shape, sessions: Sessions, buffers: Buffers) {
    this.#s = shape;
    this.#sessions = sessions;
    this.#buffers = buffers;
  }

  /**
   * Causal attention over the whole cache. With `scored` it emits block scores too, fills the selection `into` from them
   * and hands them to `onScores`.
   */
  async full(
    chunk: Chunk,
    cache: KvCache,
    out: Float32Array,
    clock: StageClock,
    scored?: { into: OracleSelection | undefined; onScores: RunObserver["onScores"] },
  ): Promise<void> {
    const { Hkv, G, d, B } = this.#s;
    const { layer, start, count } = chunk;
    const row = G * d;
    const end = start + count;
    const step = fullQueries(this.#s, end);
    const stage: Stage = scored === undefined ? "attend" : "score";
    for (let from = 0; from < count; from += step) {
      const rows = Math.min(step, count - from);
      const first = start + from;
      const keys = first + rows;
      const blocks = Math.ceil(keys / B);
      const perHead = this.#buffers.get("scores", scored === undefined ? 0 : Hkv * rows * blocks);
      for (let head = 0; head < Hkv; head++) {
        const at = (head * count + from) * row;
        const scores = perHead.subarray(head * rows * blocks, (head + 1) * rows * blocks);
        await clock.time(layer, stage, () =>
          this.#fullTile(
            chunk.q.subarray(at, at + rows * row),
            cache.keys(head, 0, keys),
            cache.values(head, 0, keys),
            first,
            rows,
            out.subarray(at, at + rows * row),
            scored === undefined ? undefined : scores,
          ),
        );
        const into = scored?.into;
        if (into !== undefined) {
          await clock.time(layer, "select", () => selectTopBlocks(into, scores, blocks, first, rows, head, B));
        }
      }
      scored?.onScores?.(layer, first, rows, blocks, this.#visibleScores(perHead, first, rows, blocks));
    }
  }

  async #fullTile(
    q: Float32Array,
    k: Float32Array,
    v: Float32Array,
    first: number,
    rows: number,
    out: Float32Array,
    scores: Float32Array | undefined,
  ): Promise<void> {
    const { G, d, B } = this.#s;
    const keys = first + rows;
    const form: FullAttentionForm = {
      scores: scores !== undefined,
      single: rows === 1,
      ragged: scores !== undefined && keys % B !== 0,
    };
    const session = await this.#sessions.get(`full ${JSON.stringify(form)}`, () => fullAttentionGraph(this.#s, form));
    await session.run(
      {
        q: floats(q, [rows * G, d]),
        k: floats(k, [keys, d]),
        v: floats(v, [keys, d]),
        ...(form.single
          ? {}
          : { mask: floats(this.#causal(rows), [rows, rows]), first: int64(first), last: int64(keys) }),
        ...(form.ragged ? { pads: int64s([0, 0, 0, 0, 0, B - (keys % B)]) } : {}),
      },
      {
        o: floats(out, [rows * G, d]),
        ...(scores === undefined ? {} : { S: floats(scores, [rows, Math.ceil(keys / B)]) }),
      },
    );
  }

  /** [Hkv, rows, blocks] as graphs write it -> [rows, Hkv, blocks] with exact zeros where a block is not visible. */
  #visibleScores(perHead: Float32Array, first: number, rows: number, blocks: number): Float32Array {
    const { Hkv, B } = this.#s;
    const scores = this.#buffers.get("visible-scores", rows * Hkv * blocks);
    for (let row = 0; row < rows; row++) {
      const visible = Math.floor((first + row) / B) + 1;
      for (let head = 0; head < Hkv; head++) {
        const from = (head * rows + row) * blocks;
        const to = (row * Hkv + head) * blocks;
        scores.set(perHead.subarray(from, from + blocks), to);
        scores.fill(0, to + visible, to + blocks);
      }
    }
    return scores;
  }

  /** The dispatch plans of one chunk, one per KV head. */
  plan(chosen: ChosenBlocks, start: number, count: number): DispatchPlan[] {
    const { Hkv, G, B } = this.#s;
    return Array.from({ length: Hkv }, (_, head) => planDispatch(chosen, head, start, count, B, G));
  }

  /** Attention over the planned blocks of `oracle`'s cache; `sinks` [Hq], minus infinity for none. */
  async sparse(
    chunk: Chunk,
    oracle: KvCache,
    plans: readonly DispatchPlan[],
    sinks: Float32Array,
    out: Float32Array,
    clock: StageClock,
  ): Promise<void> {
    for (let head = 0; head < this.#s.Hkv; head++) {
      const plan = plans[head];
      if (plan === undefined) throw new Error(`no dispatch plan for KV head ${head}`);
      await clock.time(chunk.layer, "sparse", () => this.#sparseHead(chunk, head, oracle, plan, sinks, out));
    }
  }

  async #sparseHead(
    chunk: Chunk,
    head: number,
    oracle: KvCache,
    plan: DispatchPlan,
    sinks: Float32Array,
    out: Float32Array,
  ): Promise<void> {
    const { G, d, B, slots } = this.#s;
    const { start, count } = chunk;
    const row = G * d;
    const end = start + count;
    const firstOwn = Math.floor(start / B);
    const own = Math.ceil(end / B) - firstOwn;
    const kd = this.#buffers.get("own-k", own * B * d);
    const vd = this.#buffers.get("own-v", own * B * d);
    const filled = (end - firstOwn * B) * d;
    oracle.copyTo(kd, vd, 0, head, firstOwn * B, end);
    kd.fill(0, filled);
    vd.fill(0, filled);
    const complete = Math.floor(end / B);
    // Before the first complete block there is no past; its one padding tile reads the own blocks instead.
    const past =
      complete > 0
        ? { k: oracle.keys(head, 0, complete * B), v: oracle.values(head, 0, complete * B) }
        : { k: kd, v: vd };
    const pastBlocks = Math.max(complete, 1);
    const tiles = plan.past.blocks.length;
    const diagonal = plan.diagonal.blocks.length;
    const at = head * count * row;
    const session = await this.#sessions.get("sparse", () => sparseAttentionGraph(this.#s));
    await session.run(
      {
        q: floats(chunk.q.subarray(at, at + count * row), [count, row]),
        k: floats(past.k.subarray(0, pastBlocks * B * d), [pastBlocks, B * d]),
        v: floats(past.v.subarray(0, pastBlocks * B * d), [pastBlocks, B * d]),
        kd: floats(kd, [own, B * d]),
        vd: floats(vd, [own, B * d]),
        pb: int32s(plan.past.blocks, [tiles]),
        pr: int32s(plan.past.queries, [tiles, plan.rows]),
        db: int32s(plan.diagonal.blocks, [diagonal]),
        dr: int32s(plan.diagonal.queries, [diagonal, plan.rows]),
        dl: int32s(plan.limits, [diagonal, plan.rows]),
        causal: floats(this.#causal(B), [B, B]),
        slots: int32s(plan.slots, [count, slots]),
        sinks: floats(sinks.subarray(head * G, (head + 1) * G), [G]),
      },
      { o: floats(out.subarray(at, at + count * row), [count, G, d]) },
    );
  }

  /** Sliding-window attention; `k`, `v` [Hkv, count, d] are the chunk's own, older ones come from the ring. */
  async window(
    chunk: Chunk,
    ring: KvCache,
    k: Float32Array,
    v: Float32Array,
    sinks: Float32Array,
    out: Float32Array,
    clock: StageClock,
  ): Promise<void> {
    const whole = chunk.count - (chunk.count % WINDOW_QUERIES);
    for (let head = 0; head < this.#s.Hkv; head++) {
      for (const [from, rows, tiles] of [
        [0, WINDOW_QUERIES, whole / WINDOW_QUERIES],
        [whole, chunk.count - whole, 1],
      ] as const) {
        if (rows * tiles === 0) continue;
        await clock.time(chunk.layer, "window", () =>
          this.#windowTiles(chunk, head, from, rows, tiles, ring, k, v, sinks, out),
        );
      }
    }
  }

  async #windowTiles(
    chunk: Chunk,
    head: number,
    from: number,
    rows: number,
    tiles: number,
    ring: KvCache,
    k: Float32Array,
    v: Float32Array,
    sinks: Float32Array,
    out: Float32Array,
  ): Promise<void> {
    const { G, d, w } = this.#s;
    const row = G * d;
    const width = w - 1 + rows;
    const kt = this.#buffers.get("window-k", tiles * width * d);
    const vt = this.#buffers.get("window-v", tiles * width * d);
    const absent = this.#buffers.get("window-absent", tiles * width).fill(0);
    for (let tile = 0; tile < tiles; tile++) {
      const last = chunk.start + from + (tile + 1) * rows;
      const firstKey = last - width;
      const at = tile * width;
      const seen = Math.max(firstKey, 0);
      const missing = seen - firstKey;
      kt.fill(0, at * d, (at + missing) * d);
      vt.fill(0, at * d, (at + missing) * d);
      absent.fill(-Infinity, at, at + missing);
      const ownFrom = Math.max(seen, chunk.start);
      if (seen < ownFrom) ring.copyTo(kt, vt, (at + missing) * d, head, seen, ownFrom);
      const source = (head * chunk.count + ownFrom - chunk.start) * d;
      const size = (last - ownFrom) * d;
      const to = (at + ownFrom - firstKey) * d;
      kt.set(k.subarray(source, source + size), to);
      vt.set(v.subarray(source, source + size), to);
    }
    const at = (head * chunk.count + from) * row;
    const session = await this.#sessions.get("window", () => windowAttentionGraph(this.#s));
    await session.run(
      {
        q: floats(chunk.q.subarray(at, at + tiles * rows * row), [tiles * rows, row]),
        k: floats(kt, [tiles, width, d]),
        v: floats(vt, [tiles, width, d]),
        band: floats(this.#band(rows), [rows, width]),
        absent: floats(absent, [tiles, width]),
        sinks: floats(sinks.subarray(head * G, (head + 1) * G), [G]),
      },
      { o: floats(out.subarray(at, at + tiles * rows * row), [tiles, rows * G, d]) },
    );
  }

  /** [n, n] with -inf above the diagonal. */
  #causal(n: number): Float32Array {
    return this.#mask(`causal ${n}`, n, n, (i, j) => j <= i);
  }

  /** [rows, w - 1 + rows]: query i of a tile sees keys i .. i + w - 1 of it. */
  #band(rows: number): Float32Array {
    const { w } = this.#s;
    return this.#mask(`band ${rows}`, rows, w - 1 + rows, (i, j) => j >= i && j <= i + w - 1);
  }

  #mask(key: string, rows: number, columns: number, visible: (i: number, j: number) => boolean): Float32Array {
    let mask = this.#masks.get(key);
    if (mask === undefined) {
      mask = new Float32Array(rows * columns);
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) mask[i * columns + j] = visible(i, j) ? 0 : -Infinity;
      }
      this.#masks.set(key, mask);
    }
    return mask;
  }
}

/** Queries per full-attention call over `keys` keys, so that its logits stay within their bound. */
export function fullQueries(s: Shape, keys: number): number {
  return Math.max(1, Math.min(FULL_QUERIES, Math.floor(FULL_LOGIT_BYTES / (4 * s.G * keys))));
}
