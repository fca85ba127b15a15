import type { Shape } from "../shape.ts";
import type { Buffers } from "./buffers.ts";
import type { Chunk } from "./chunk.ts";
import { fullAttentionGraph, type FullAttentionForm } from "./graphs/full-attention.ts";
import type { KvCache } from "./kv-cache.ts";
import { floats, int64, int64s, type Sessions } from "./session.ts";

/**
 * Most queries of one full-attention call. Masking costs 128 x 128 scattered elements per query head and call, which at 256
 * was a third of a call at 1,024 tokens; fewer queries than 128 make the matrix products slower.
 */
const FULL_QUERIES = 128;
/** Bytes that the logits of one full-attention call may take; its probabilities take as many again. */
export const FULL_LOGIT_BYTES = 128 * 1024 * 1024;

/** Full attention as a graph of plain ONNX operators: what our kernels are held against. */
export class FullGraphs {
  readonly #s: Shape;
  readonly #sessions: Sessions;
  readonly #buffers: Buffers;
  readonly #masks = new Map<number, Float32Array>();

  constructor(shape: Shape, sessions: Sessions, buffers: Buffers) {
    this.#s = shape;
    this.#sessions = sessions;
    this.#buffers = buffers;
  }

  /** Causal attention over the whole cache; out [C, Hq d], with `scores` [C, Hkv, blocks] block scores too. */
  async run(
    chunk: Chunk,
    cache: KvCache,
    out: Float32Array,
    scores?: Float32Array,
    signal?: AbortSignal,
  ): Promise<void> {
    const { Hkv, G, d, B } = this.#s;
    const { start, count, q } = chunk;
    const row = G * d;
    const all = Math.ceil((start + count) / B);
    const step = fullQueries(this.#s, start + count);
    for (let from = 0; from < count; from += step) {
      const rows = Math.min(step, count - from);
      const keys = start + from + rows;
      const blocks = Math.ceil(keys / B);
      const tile = this.#buffers.get("full-tile", rows * row);
      const tileScores = scores === undefined ? undefined : this.#buffers.get("full-scores", rows * blocks);
      signal?.throwIfAborted();
      for (let head = 0; head < Hkv; head++) {
        const at = (head * count + from) * row;
        const [k, v] = [cache.keys(head, 0, keys), cache.values(head, 0, keys)];
        await this.#tile(q.subarray(at, at + rows * row), k, v, start + from, rows, tile, tileScores);
        for (let r = 0; r < rows; r++) {
          out.set(tile.subarray(r * row, (r + 1) * row), ((from + r) * Hkv + head) * row);
          if (scores === undefined || tileScores === undefined) continue;
          const to = ((from + r) * Hkv + head) * all;
          const visible = Math.floor((start + from + r) / B) + 1;
          scores.set(tileScores.subarray(r * blocks, r * blocks + visible), to);
          scores.fill(0, to + visible, to + all);
        }
      }
    }
  }

  async #tile(
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

  /** [n, n] with -inf above the diagonal. */
  #causal(n: number): Float32Array {
    let mask = this.#masks.get(n);
    if (mask === undefined) {
      mask = new Float32Array(n * n);
      for (let i = 0; i < n; i++) mask.fill(-Infinity, i * n + i + 1, (i + 1) * n);
      this.#masks.set(n, mask);
    }
    return mask;
  }
}

/** Queries per full-attention call over `keys` keys, so that its logits stay within their bound. */
export function fullQueries(s: Shape, keys: number): number {
  return Math.max(1, Math.min(FULL_QUERIES, Math.floor(FULL_LOGIT_BYTES / (4 * s.G * keys))));
}
