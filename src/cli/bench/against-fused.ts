import { Attention } from "../../engine/cpu/attention.ts";
import { Buffers } from "../../engine/cpu/buffers.ts";
import { FullGraphs } from "../../engine/cpu/full-graphs.ts";
import { loadKernels } from "../../engine/cpu/kernels/load.ts";
import { KernelPool } from "../../engine/cpu/kernels/pool.ts";
import { KvCache } from "../../engine/cpu/kv-cache.ts";
import { Sessions } from "../../engine/cpu/session.ts";
import { shapeOf } from "../../engine/shape.ts";
import { StageClock } from "../../engine/cpu/stage-clock.ts";
import { OracleSelection } from "../../engine/selection.ts";
import type { Architecture } from "../../model/architecture.ts";
import type { Samples } from "../../profile/report.ts";
import { summarize } from "../../profile/statistics.ts";
import { AttentionInputs } from "./attention-inputs.ts";
import { FusedAttention } from "./fused-attention.ts";

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
  const attention = new Attention(s, kernels, new Buffers());
  const graphs = new FullGraphs(s, sessions, new Buffers());
  const fused = await FusedAttention.create(s, threads);
  const inputs = new AttentionInputs(s, tokens);
  const cache = new KvCache(kernels, s.Hkv, s.d);
  cache.reserve(tokens, 0);
  cache.append(inputs.kByHead, inputs.vByHead, 0, tokens);
  const clock = new StageClock({});
  const into = new OracleSelection(0, s.Hkv, s.slots, tokens, s.B);
  const scored = { into, onScores: undefined };
  const out = new Float32Array(tokens * s.Hq * s.d);
  const graphOut = new Float32Array(tokens * s.Hq * s.d);

  const oursPrefill = async (withScores: boolean): Promise<void> => {
    for (let start = 0; start < tokens; start += CHUNK) {
      const count = Math.min(CHUNK, tokens - start);
      const q = inputs.queries(start, count);
      const chunkOut = out.subarray(start * s.Hq * s.d, (start + count) * s.Hq * s.d);
      await attention.full({ layer: 0, start, count, q }, cache, chunkOut, clock, withScores ? scored : undefined);
    }
  };
  const scores = new Float32Array(Math.min(CHUNK, tokens) * s.Hkv * Math.ceil(tokens / s.B));
  const graphPrefill = async (): Promise<void> => {
    for (let start = 0; start < tokens; start += CHUNK) {
      const count = Math.min(CHUNK, tokens - start);
      const chunkOut = graphOut.subarray(start * s.Hq * s.d, (start + count) * s.Hq * s.d);
      await graphs.run({ layer: 0, start, count, q: inputs.queries(start, count) }, cache, chunkOut, scores);
    }
  };
  const fusedOut = new Float32Array(tokens * s.Hq * s.d);
  const prefill = await byTurns(
    [
      () => fused.prefill(inputs.q, inputs.k, inputs.v, fusedOut, tokens),
      () => oursPrefill(false),
      () => oursPrefill(true),
      graphPrefill,
    ],
    repetitions,
    1,
  );
  const prefillDifference = difference(out, fusedOut);

  const last = tokens - 1;
  const one = { layer: 0, start: last, count: 1, q: inputs.queries(last, 1) };
  const oneOut = new Float32Array(s.Hq * s.d);
  const oneFused = new Float32Array(s.Hq * s.d);
  const row = (data: Float32Array, width: number): Float32Array => data.subarray(last * width, tokens * width);
  const shared = { k: inputs.kByHead, v: inputs.vByHead };
  const decode = await byTurns(
    [
      () =>
        fused.decode(
          row(inputs.q, s.Hq * s.d),
          row(inputs.k, s.Hkv * s.d),
          row(inputs.v, s.Hkv * s.d),
          shared,
          oneFused,
          tokens,
        ),
      () => attention.full(one, cache, oneOut, clock),
      () => attention.full(one, cache, oneOut, clock, scored),
      () => graphs.run(one, cache, graphOut.subarray(0, s.Hq * s.d), scores),
    ],
    repetitions,
    DECODE_STEPS,
  );
  await fused.dispose();
  await sessions.dispose();
  await kernels.dispose();
  return [
    { phase: "prefill", tokens, ...prefill, difference: prefillDifference },
    { phase: "decode", tokens, ...decode, difference: difference(oneOut, oneFused) },
  ];
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
