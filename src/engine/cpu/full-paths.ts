import { Random } from "../../../kernels/random.ts";
import { messageOf } from "../../model/errors.ts";
import type { Shape } from "../shape.ts";
import { Buffers } from "./buffers.ts";
import type { Chunk } from "./chunk.ts";
import { FullGraphs } from "./full-graphs.ts";
import { FusedAttention } from "./fused-attention.ts";
import type { KernelPool } from "./kernels/pool.ts";
import { KvCache } from "./kv-cache.ts";
import type { Sessions } from "./session.ts";

/** What can run full attention: our kernels, a graph of plain operators, onnxruntime's fused operator (no block scores). */
export const FULL_PATHS = ["kernels", "graph", "fused"] as const;
export type FullPath = (typeof FULL_PATHS)[number];

/** Keys of the trials; a call takes what won at the nearest. */
const TRIAL_KEYS = [1024, 4096] as const;
const TRIAL_QUERIES = 128;
/** Wide models try fewer queries, so that a trial stays below half a second. */
const TRIAL_FLOPS = 1e9;
const LEAST_QUERIES = 32;
const REPETITIONS = 3;
/** Another path must be clearly faster than our kernels, or chance would choose on a busy machine. */
const CLEARLY = 0.8;

type Case = `${"scored" | "plain"} ${"prefill" | "decode"} ${number}`;

/**
 * Full attention by whatever is fastest on this machine: for prefill and decode, with and without block scores, at a short
 * and at a longer context, a few interleaved runs on random values decide, once per shape and outside of all timing. The
 * same rule serves the baseline and the oracles.
 */
export class FullPaths {
  readonly #s: Shape;
  readonly #kernels: KernelPool;
  readonly #sessions: Sessions;
  readonly #forced: FullPath | undefined;
  readonly #won = new Map<Case, FullPath>();
  #refused: string | undefined;
  #decided: Promise<void> | undefined;

  /** @param forced what runs without a trial; `fused` gives way to `graph` where it cannot run */
  constructor(shape: Shape, kernels: KernelPool, sessions: Sessions, forced?: FullPath) {
    this.#s = shape;
    this.#kernels = kernels;
    this.#sessions = sessions;
    this.#forced = forced;
  }

  /** Tries what there is; at once where that is known. */
  decide(): Promise<void> {
    this.#decided ??= this.#forced === undefined ? this.#tryAll() : Promise.resolve();
    return this.#decided;
  }

  /** What won, in words for the report. */
  get text(): string {
    if (this.#forced !== undefined) return `full attention: ${this.#forced}`;
    const others = [...this.#won].filter(([, path]) => path !== "kernels");
    const refused = this.#refused === undefined ? "" : ` (cannot try onnxruntime: ${this.#refused})`;
    if (others.length === 0) return `full attention on the same kernels${refused}`;
    return `full attention on the same kernels, except ${others.map(([where, path]) => `${where} keys: onnxruntime's ${path}`).join("; ")}`;
  }

  /** Causal attention over the whole cache; out [C, Hq d], with `scores` [C, Hkv, blocks] block scores too. */
  run(
    chunk: Chunk,
    cache: KvCache,
    buffers: Buffers,
    out: Float32Array,
    scores?: Float32Array,
    signal?: AbortSignal,
  ): Promise<void> {
    return this.#by(this.#path(chunk, scores !== undefined), chunk, cache, buffers, out, scores, signal);
  }

  #path({ start, count }: Chunk, scored: boolean): FullPath {
    if (this.#forced === "fused") return scored || !fuses(this.#s) ? "graph" : "fused";
    if (this.#forced !== undefined) return this.#forced;
    const keys = start + count < 2 * TRIAL_KEYS[0] ? TRIAL_KEYS[0] : TRIAL_KEYS[1];
    return this.#won.get(caseOf(scored, count, keys)) ?? "kernels";
  }

  #by(
    path: FullPath,
    chunk: Chunk,
    cache: KvCache,
    buffers: Buffers,
    out: Float32Array,
    scores: Float32Array | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const s = this.#s;
    if (path === "graph") return new FullGraphs(s, this.#sessions, buffers).run(chunk, cache, out, scores, signal);
    if (path === "fused") return new FusedAttention(s, this.#sessions, buffers).run(chunk, cache, out, signal);
    const { start, count, q } = chunk;
    const { k, v, capacity: cap } = cache;
    const shape = { heads: s.Hkv, G: s.G, share: 1, d: s.d, B: s.B, scale: s.scale };
    const into = scores === undefined ? { out } : { out, scores };
    return this.#kernels.run({ op: "full", start, count, ...shape, q, k, v, cap, ...into }, signal);
  }

  async #tryAll(): Promise<void> {
    const { Hq, Hkv, G, d, B } = this.#s;
    const random = new Random(1);
    const buffers = new Buffers();
    const cache = new KvCache(this.#kernels, Hkv, d, { kind: "all" });
    const most = TRIAL_KEYS[1];
    cache.reserve(most, 0);
    cache.append(random.normals(Hkv * most * d), random.normals(Hkv * most * d), 0, most);
    const affordable = Math.floor(TRIAL_FLOPS / (4 * most * Hq * d));
    const queries = Math.max(LEAST_QUERIES, Math.min(TRIAL_QUERIES, affordable));
    const q = random.normals(queries * Hkv * G * d);
    const out = new Float32Array(q.length);
    try {
      for (const keys of TRIAL_KEYS) {
        for (const count of [queries, 1]) {
          const chunk = { layer: 0, start: keys - count, count, q: q.subarray(0, count * Hkv * G * d) };
          const rows = out.subarray(0, chunk.q.length);
          for (const other of fuses(this.#s) ? (["fused", "graph"] as const) : (["graph"] as const)) {
            const scores = other === "graph" ? new Float32Array(count * Hkv * Math.ceil(keys / B)) : undefined;
            const best = await fastest(["kernels", other], (path) =>
              this.#by(path, chunk, cache, buffers, rows, scores, undefined),
            );
            const wins = best[1]! < CLEARLY * best[0]!;
            this.#won.set(caseOf(scores !== undefined, count, keys), wins ? other : "kernels");
          }
        }
      }
    } catch (error) {
      // onnxruntime's binding takes no shared memory under Node 20, where WebAssembly's caches lie. Then it cannot be used.
      if (this.#kernels.failure !== undefined) throw error;
      this.#refused = messageOf(error);
      this.#won.clear();
    } finally {
      cache.clear();
    }
  }
}

/** The fused operator takes no other head sizes. */
function fuses({ d }: Shape): boolean {
  return d % 8 === 0;
}

function caseOf(scored: boolean, count: number, keys: number): Case {
  return `${scored ? "scored" : "plain"} ${count === 1 ? "decode" : "prefill"} ${keys}`;
}

/** The least milliseconds of each path, run by turns after a warm-up. */
async function fastest(paths: readonly FullPath[], run: (path: FullPath) => Promise<void>): Promise<number[]> {
  const best = paths.map(() => Infinity);
  for (let round = -1; round < REPETITIONS; round++) {
    for (const [i, path] of paths.entries()) {
      const begin = performance.now();
      await run(path);
      if (round >= 0) best[i] = Math.min(best[i]!, performance.now() - begin);
    }
  }
  return best;
}
