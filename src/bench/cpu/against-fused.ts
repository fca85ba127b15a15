import { Attention } from "../../engine/cpu/attention.ts";
import type { Chunk } from "../../engine/cpu/chunk.ts";
import { Buffers } from "../../engine/cpu/buffers.ts";
import { FullPaths } from "../../engine/cpu/full-paths.ts";
import { FusedAttention } from "../../engine/cpu/fused-attention.ts";
import { FullGraphs } from "../../engine/cpu/full-graphs.ts";
import { loadKernels } from "../../engine/cpu/kernels/load.ts";
import { KernelPool } from "../../engine/cpu/kernels/pool.ts";
import { KvCache } from "../../engine/cpu/kv-cache.ts";
import { Sessions } from "../../engine/cpu/session.ts";
import { shapeOf } from "../../engine/shape.ts";
import { StageClock } from "../../engine/cpu/stage-clock.ts";
import { OracleSelection } from "../../engine/selection.ts";
import type { Architecture } from "../../model/architecture.ts";
import type { Samples } from "../../protocol/report.ts";
import { summarize } from "../../profile/statistics.ts";

const CHUNK = 2048;
/** A decode step takes about a millisecond: one sample is the mean of so many. */
const DECODE_STEPS = 8;

/** One layer's full attention on the same inputs: our kernels, onnxruntime's fused operator, a graph of plain operators. */
export interface FusedComparison {
  readonly phase: "prefill" | "decode";
  readonly tokens: number;
  readonly fused: Samples;
  readonly ours: Samples;
  /** Ours with block scores, and their selection. */
  readonly scored: Samples;
  /** The graph with block scores, without the selection. */
  readonly graph: Samples;
  /** ||ours - fused|| / ||fused|| over all outputs of the phase. */
  readonly difference: number;
}

/** Runs the four by turns on random inputs of the architecture's shape. */
export async function againstFused(
  a: Architecture,
  threads: number,
  tokens: number,
  repetitions: number,
): Promise<FusedComparison[]> {
  const s = shapeOf(a);
  const sessions = new Sessions(threads);
  const kernels = new KernelPool(loadKernels().build, threads);
  const buffers = new Buffers();
  const ours = new Attention(s, kernels, new FullPaths(s, kernels, sessions, "kernels"), buffers);
  const graphs = new FullGraphs(s, sessions, buffers);
  const fused = new FusedAttention(s, sessions, buffers);
  const random = (size: number): Float32Array => Float32Array.from({ length: size }, () => 4 * Math.random() - 2);
  const cache = new KvCache(kernels, s.Hkv, s.d, { kind: "all" });
  cache.reserve(tokens, 0);
  cache.append(random(tokens * s.Hkv * s.d), random(tokens * s.Hkv * s.d), 0, tokens);
  const clock = new StageClock({});
  const into = new OracleSelection(0, s.Hkv, s.slots, tokens, s.B);
  const scores = new Float32Array(Math.min(CHUNK, tokens) * s.Hkv * Math.ceil(tokens / s.B));

  /** The four over the same queries, in the order of TURNS, and what the first two gave. */
  const compare = async (
    chunks: readonly Chunk[],
    times: number,
  ): Promise<Omit<FusedComparison, "phase" | "tokens">> => {
    const results = TURNS.map(() => chunks.map(({ q }) => new Float32Array(q.length)));
    const run: Record<Turn, (chunk: Chunk, out: Float32Array) => Promise<void>> = {
      fused: (chunk, out) => fused.run(chunk, cache, out),
      ours: (chunk, out) => ours.full(chunk, cache, out, clock),
      scored: (chunk, out) => ours.full(chunk, cache, out, clock, { into, onScores: undefined }),
      graph: (chunk, out) => graphs.run(chunk, cache, out, scores),
    };
    const works = TURNS.map((turn, i) => async (): Promise<void> => {
      for (const [n, chunk] of chunks.entries()) await run[turn](chunk, results[i]![n]!);
    });
    const samples = await byTurns(works, repetitions, times);
    return { ...samples, difference: difference(joined(results[1]!), joined(results[0]!)) };
  };

  const chunks: Chunk[] = [];
  for (let start = 0; start < tokens; start += CHUNK) {
    const count = Math.min(CHUNK, tokens - start);
    chunks.push({ layer: 0, start, count, q: random(count * s.Hq * s.d) });
  }
  const prefill = await compare(chunks, 1);
  const decode = await compare([{ layer: 0, start: tokens - 1, count: 1, q: random(s.Hq * s.d) }], DECODE_STEPS);
  await sessions.dispose();
  await kernels.dispose();
  return [
    { phase: "prefill", tokens, ...prefill },
    { phase: "decode", tokens, ...decode },
  ];
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const TURNS = ["fused", "ours", "scored", "graph"] as const;
type Turn = (typeof TURNS)[number];

/** @param works in the order of TURNS */
async function byTurns(
  works: readonly (() => Promise<void>)[],
  repetitions: number,
  times: number,
): Promise<Record<Turn, Samples>> {
  const samples: Record<Turn, number[]> = { fused: [], ours: [], scored: [], graph: [] };
  for (let round = -1; round < repetitions; round++) {
    for (const [i, turn] of TURNS.entries()) {
      const begin = performance.now();
      for (let time = 0; time < times; time++) await works[i]?.();
      if (round >= 0) samples[turn].push((performance.now() - begin) / times);
    }
  }
  const summaries = TURNS.map((turn) => [turn, summarize(samples[turn])] as const);
  return Object.fromEntries(summaries) as Record<Turn, Samples>;
}

function difference(a: Float32Array, b: Float32Array): number {
  let delta = 0;
  let norm = 0;
  a.forEach((value, i) => {
    const other = b[i] ?? 0;
    delta += (value - other) ** 2;
    norm += other ** 2;
  });
  return Math.sqrt(delta / norm);
}
