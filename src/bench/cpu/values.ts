import type { KeptStream } from "../../designs/plan.ts";
import { Attention } from "../../engine/cpu/attention.ts";
import { Buffers } from "../../engine/cpu/buffers.ts";
import { loadKernels } from "../../engine/cpu/kernels/load.ts";
import { KernelPool } from "../../engine/cpu/kernels/pool.ts";
import { FullPaths } from "../../engine/cpu/full-paths.ts";
import { FusedAttention } from "../../engine/cpu/fused-attention.ts";
import { KvCache } from "../../engine/cpu/kv-cache.ts";
import { Sessions } from "../../engine/cpu/session.ts";
import { FullGraphs } from "../../engine/cpu/full-graphs.ts";
import { StageClock } from "../../engine/cpu/stage-clock.ts";
import { OracleSelection } from "../../engine/selection.ts";
import { shapeOf, type Shape } from "../../engine/shape.ts";
import type { Architecture } from "../../model/architecture.ts";
import type { Samples } from "../../protocol/report.ts";
import { summarize } from "../../profile/statistics.ts";
import { AttentionInputs } from "./attention-inputs.ts";
import { byTurns, type Work } from "./tables.ts";

const CHUNK = 2048;
/** A decode step takes less than a millisecond: one sample is the mean of so many. */
const DECODE_STEPS = 16;
/** Factor on ordinary logits: most softmax terms then lie below what float32 holds, many where it is subnormal. */
export const LOUD = 50;

/** One attention on ordinary values and on values that drive its softmax to both ends. */
export interface ValueTimes {
  readonly phase: "prefill" | "decode";
  readonly what: string;
  readonly tokens: number;
  readonly ordinary: Samples;
  readonly loud: Samples;
}

/**
 * Times every attention of the CPU engine, and onnxruntime's forms of full attention, on random inputs of the architecture's shape
 * with logits of deviation 1.8 and LOUD times that, by turns. A time must not depend on them.
 */
export async function valueTimes(
  a: Architecture,
  threads: number,
  tokens: number,
  repetitions: number,
): Promise<ValueTimes[]> {
  const s = shapeOf(a);
  const sessions = new Sessions(threads);
  const kernels = new KernelPool(loadKernels().build, threads);
  const selection = new OracleSelection(0, s.Hkv, s.slots, tokens, s.B);
  const make = (loudness: number): Bench => new Bench(s, kernels, sessions, tokens, loudness, selection);
  const [ordinary, loud] = [make(1), make(LOUD)];
  await ordinary.choose();
  const rows: ValueTimes[] = [];
  for (const phase of ["prefill", "decode"] as const) {
    const [quiet, noisy] = [ordinary.works(phase), loud.works(phase)];
    for (const [what, run] of quiet) {
      const other = noisy.get(what);
      if (other === undefined) continue;
      const times = phase === "decode" ? DECODE_STEPS : 1;
      const works: Work[] = [run, other].map((work) => ({ run: work, times }));
      const [first = [], second = []] = await byTurns(works, repetitions);
      rows.push({ phase, what, tokens, ordinary: summarize(first), loud: summarize(second) });
    }
  }
  for (const bench of [ordinary, loud]) bench.dispose();
  await sessions.dispose();
  await kernels.dispose();
  return rows;
}

/** Every attention over one set of inputs. */
class Bench {
  readonly #s: Shape;
  readonly #tokens: number;
  readonly #inputs: AttentionInputs;
  readonly #attention: Attention;
  readonly #graphs: FullGraphs;
  readonly #fused: FusedAttention;
  readonly #cache: KvCache;
  readonly #ring: KvCache;
  /** Which blocks the sparse branch reads, the same on all values: what is read together decides what it costs. */
  readonly #selection: OracleSelection;
  /** Where the timed top-k writes. */
  readonly #spare: OracleSelection;
  readonly #out: Float32Array;
  readonly #scores: Float32Array;
  readonly #clock = new StageClock({});

  constructor(
    s: Shape,
    kernels: KernelPool,
    sessions: Sessions,
    tokens: number,
    loudness: number,
    selection: OracleSelection,
  ) {
    this.#s = s;
    this.#tokens = tokens;
    this.#inputs = new AttentionInputs(s, tokens, loudness);
    this.#attention = new Attention(s, kernels, new FullPaths(s, kernels, sessions, "kernels"), new Buffers());
    this.#graphs = new FullGraphs(s, sessions, new Buffers());
    this.#fused = new FusedAttention(s, sessions, new Buffers());
    const filled = (keeps: KeptStream): KvCache => {
      const cache = new KvCache(kernels, s.Hkv, s.d, keeps);
      cache.reserve(tokens, 0);
      cache.append(this.#inputs.kByHead, this.#inputs.vByHead, 0, tokens);
      return cache;
    };
    this.#cache = filled({ kind: "all" });
    this.#ring = filled({ kind: "ring", tokens: s.w });
    this.#selection = selection;
    this.#spare = new OracleSelection(0, s.Hkv, s.slots, tokens, s.B);
    this.#out = new Float32Array(tokens * s.Hq * s.d);
    this.#scores = new Float32Array(Math.min(CHUNK, tokens) * s.Hkv * Math.ceil(tokens / s.B));
  }

  /** Fills the selection that the sparse branch reads. */
  choose(): Promise<void> {
    return this.#full(0, this.#tokens, this.#selection);
  }

  works(phase: "prefill" | "decode"): ReadonlyMap<string, () => Promise<void>> {
    const [from, to] = [phase === "prefill" ? 0 : this.#tokens - 1, this.#tokens];
    return new Map([
      ["full", () => this.#full(from, to)],
      ["full with scores and top-k", () => this.#full(from, to, this.#spare)],
      ["sparse branch", () => this.#sparse(from, to)],
      ["window branch", () => this.#window(from, to)],
      ["onnxruntime, fused", () => this.#fuse(from, to)],
      ["onnxruntime, graph with scores", () => this.#graph(from, to)],
    ]);
  }

  async #chunks(
    from: number,
    to: number,
    run: (start: number, count: number, out: Float32Array) => Promise<void>,
  ): Promise<void> {
    const row = this.#s.Hq * this.#s.d;
    for (let start = from; start < to; start += CHUNK) {
      const count = Math.min(CHUNK, to - start);
      await run(start, count, this.#out.subarray(start * row, (start + count) * row));
    }
  }

  #full(from: number, to: number, into?: OracleSelection): Promise<void> {
    const scored = into === undefined ? undefined : { into, onScores: undefined };
    return this.#chunks(from, to, (start, count, out) => {
      const q = this.#inputs.queries(start, count);
      return this.#attention.full({ layer: 0, start, count, q }, this.#cache, out, this.#clock, scored);
    });
  }

  #fuse(from: number, to: number): Promise<void> {
    return this.#chunks(from, to, (start, count, out) => {
      const q = this.#inputs.queries(start, count);
      return this.#fused.run({ layer: 0, start, count, q }, this.#cache, out);
    });
  }

  #graph(from: number, to: number): Promise<void> {
    return this.#chunks(from, to, (start, count, out) => {
      const q = this.#inputs.queries(start, count);
      return this.#graphs.run({ layer: 0, start, count, q }, this.#cache, out, this.#scores);
    });
  }

  #sparse(from: number, to: number): Promise<void> {
    const { Hkv, Hq, slots } = this.#s;
    const sinks = new Float32Array(Hq);
    return this.#chunks(from, to, (start, count, out) => {
      const q = this.#inputs.queries(start, count);
      const chosen = this.#selection.blocks.subarray(start * Hkv * slots, (start + count) * Hkv * slots);
      return this.#attention.sparse({ layer: 0, start, count, q }, this.#cache, chosen, { sinks, out }, this.#clock);
    });
  }

  #window(from: number, to: number): Promise<void> {
    const sinks = new Float32Array(this.#s.Hq);
    return this.#chunks(from, to, (start, count, out) => {
      const q = this.#inputs.queries(start, count);
      const own = this.#inputs.own(start, count);
      const seen = { ring: this.#ring, w: this.#s.w, ...own };
      return this.#attention.window({ layer: 0, start, count, q }, seen, { sinks, out }, this.#clock);
    });
  }

  dispose(): void {
    this.#cache.clear();
    this.#ring.clear();
  }
}
