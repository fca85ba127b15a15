import type { MissingPart } from "../../../src/protocol/partial.ts";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { DEFAULT_DESIGNS } from "../../../src/designs/designs.ts";
import { ATTEND_PARTS, type LayerKind, type Stage, type Variant } from "../../../src/engine/engine.ts";
import { fedBy, oracleOf, schedule, type Architecture } from "../../../src/model/architecture.ts";
import {
  reportSchema,
  SCHEMA_VERSION,
  type LayerReport,
  type PhaseReport,
  type Report,
  type VariantReport,
} from "../../../src/protocol/report.ts";
import { linesOf } from "../../../src/model/line-ends.ts";

/** A made-up report in the shape of a real one: the embedded model's 13 layers on the shipped sample document. */
export const SAMPLE_TEXT = readFileSync(new URL("../../../media/samples/design-note.md", import.meta.url), "utf8");

const ARCHITECTURE: Architecture = {
  layers: 13,
  hidden: 384,
  intermediate: 1024,
  queryHeads: 6,
  kvHeads: 2,
  headDim: 64,
  vocabulary: 12288,
  sparsePerFull: 3,
  block: 64,
  selectedTokens: 512,
  window: 128,
  gate: "head",
  sinks: true,
  ropeBase: 640000,
  normEps: 1e-6,
  maxContext: 32768,
  tieEmbeddings: true,
};

/** Milliseconds of a stage at 4,000 tokens, about as measured on two cores. */
const COST: Readonly<Record<Stage, number>> = {
  project: 38,
  attend: 118,
  score: 160,
  compress: 0,
  select: 14,
  sparse: 96,
  window: 17,
  output: 21,
  mlp: 93,
};

export interface SampleOptions {
  readonly text?: string;
  readonly tokens?: number;
  readonly variants?: readonly Variant[];
  readonly repetitions?: number;
  readonly decodeTokens?: number;
  readonly synthetic?: boolean;
}

export function sampleReport(options: SampleOptions = {}): Report {
  const text = options.text ?? SAMPLE_TEXT;
  const tokens = options.tokens ?? 3986;
  const variants = options.variants ?? DEFAULT_DESIGNS;
  const repetitions = options.repetitions ?? 3;
  const decodeTokens = options.decodeTokens ?? 16;
  const kinds = schedule(ARCHITECTURE);
  const blocks = Math.ceil(tokens / ARCHITECTURE.block);
  const blockRanges = Array.from({ length: blocks }, (_, i): [number, number] => [
    Math.round((i * text.length) / blocks),
    Math.round(((i + 1) * text.length) / blocks),
  ]);
  const random = randomNumbers();
  return reportSchema.parse({
    schemaVersion: SCHEMA_VERSION,
    tool: { name: "HySparse Profiler", version: "0.1.0" },
    createdAt: "2026-11-22T01:05:09.000Z",
    document: {
      name: "media/samples/design-note.md",
      sha256: createHash("sha256").update(text).digest("hex"),
      bytes: Buffer.byteLength(text),
      characters: text.length,
      lines: linesOf(text).length,
      tokens,
      totalTokens: tokens,
      truncated: false,
      blockRanges,
    },
    environment: {
      engine: "cpu",
      engineReason: "the only engine on this machine",
      device: "Example CPU with AVX-512",
      dtype: "float32",
      threads: 2,
      os: "linux",
      arch: "x64",
      memoryBytes: 24 * 2 ** 30,
      versions: { node: "20.20.2", "onnxruntime-node": "1.30.0" },
      ceilings: {
        matrixGflops: 141.3,
        copyGBps: 18.2,
        reads: [
          { bytes: 2 ** 16, GBps: 240 },
          { bytes: 2 ** 27, GBps: 21.5 },
        ],
        method: "best of five, all threads",
      },
    },
    model: {
      name: "embedded",
      weights: options.synthetic ? "synthetic" : "trained",
      parameters: 24_600_000,
      architecture: ARCHITECTURE,
      schedule: kinds,
      notes: ["Trained for this project on code, documentation and prose."],
    },
    settings: {
      model: "embedded",
      variants: [...variants],
      repetitions,
      warmup: 1,
      decodeTokens,
      chunk: 2048,
      importance: "last-token",
    },
    variants: Object.fromEntries(
      variants.map((name) => [name, variant(name, kinds, tokens, repetitions, decodeTokens, random)]),
    ),
    ...(variants.includes("hysparse") ? { selection: selection(kinds, blocks, tokens, random) } : {}),
    ...(variants.includes("hysparse") && !options.synthetic
      ? { importance: importance(kinds, blockRanges, text, random) }
      : {}),
    warnings: [],
  });
}

/** The same while its run goes on, without these parts; prefill is missing as long as no round was made. */
export function partialReport(options: SampleOptions, missing: readonly MissingPart[]): Report {
  const report = sampleReport(options);
  const lacks = (part: MissingPart): boolean => missing.includes(part);
  if (lacks("selection")) {
    delete report.selection;
    delete report.importance;
  }
  if (lacks("prefill")) report.variants = {};
  for (const { layers, totals } of Object.values(report.variants)) {
    if (lacks("peak")) delete totals.peakBytes;
    if (!lacks("decode")) continue;
    for (const layer of layers) delete layer.decode;
    delete totals.timePerOutputTokenMs;
    delete totals.timePerOutputTokenMinMs;
    delete totals.timePerOutputTokenMaxMs;
    delete totals.timePerOutputTokenSamples;
  }
  return reportSchema.parse({ ...report, partial: { state: "running", missing } });
}

function variant(
  name: Variant,
  kinds: readonly ("full" | "sparse")[],
  tokens: number,
  repetitions: number,
  decodeTokens: number,
  random: () => number,
): VariantReport {
  const { kvHeads, headDim, window } = ARCHITECTURE;
  const layers = kinds.map((scheduled, index): LayerReport => {
    const kind: LayerKind =
      name === "full" ? "full" : scheduled === "sparse" && name === "hybrid-swa" ? "window" : scheduled;
    const kvBytes = 2 * kvHeads * headDim * 4 * (kind === "full" ? tokens : Math.min(tokens, window));
    const stages = stagesOf(name, kind, fedBy(kinds, index).length > 0);
    return {
      index,
      kind,
      kvBytes,
      kvBytesPredicted: kvBytes,
      ...(kind === "sparse" ? { kvBorrowedFrom: oracleOf(kinds, index) } : {}),
      prefill: phase(stages, tokens / 4000, repetitions, random),
      ...(decodeTokens > 0 ? { decode: phase(stages, 0.004, repetitions, random) } : {}),
    };
  });
  const sums = (of: "prefill" | "decode", rest: number): number[] =>
    Array.from({ length: repetitions }, (_, i) =>
      layers.reduce((sum, layer) => sum + (layer[of]?.samples[i] ?? 0), rest),
    );
  const prefill = summary(sums("prefill", 40));
  const decode = summary(sums("decode", 1.2));
  const kvBytes = layers.reduce((sum, layer) => sum + layer.kvBytes, 0);
  return {
    layers,
    totals: {
      prefillMs: prefill.medianMs,
      prefillMinMs: prefill.minMs,
      prefillMaxMs: prefill.maxMs,
      prefillSamples: prefill.samples,
      ...(decodeTokens > 0
        ? {
            timePerOutputTokenMs: decode.medianMs,
            timePerOutputTokenMinMs: decode.minMs,
            timePerOutputTokenMaxMs: decode.maxMs,
            timePerOutputTokenSamples: decode.samples,
          }
        : {}),
      kvBytes,
      kvBytesPredicted: kvBytes,
      peakBytes: 480 * 2 ** 20 + kvBytes,
    },
    ...(name === "hysparse" ? {} : { note: "the weights were trained for HySparse, so its outputs mean little here" }),
  };
}

function stagesOf(name: Variant, kind: LayerKind, oracle: boolean): Stage[] {
  const inside: Stage[] =
    kind === "sparse"
      ? ["sparse", "window"]
      : kind === "window"
        ? ["window"]
        : oracle && name === "hysparse"
          ? ["score", "select"]
          : [];
  return ["project", "attend", ...inside, "output", "mlp"];
}

function phase(stages: readonly Stage[], scale: number, repetitions: number, random: () => number): PhaseReport {
  const times = new Map<Stage, number[]>();
  for (const stage of stages) {
    times.set(
      stage,
      Array.from({ length: repetitions }, () => COST[stage] * scale * (1 + 0.08 * random())),
    );
  }
  const parts = ATTEND_PARTS.flatMap((stage) => times.get(stage) ?? []);
  if (parts.length > 0) {
    const inside = ATTEND_PARTS.flatMap((stage) => (times.has(stage) ? [times.get(stage)!] : []));
    times.set(
      "attend",
      Array.from({ length: repetitions }, (_, i) => inside.reduce((sum, of) => sum + of[i]!, 0.4 * scale)),
    );
  }
  const whole = Array.from({ length: repetitions }, (_, i) =>
    (["project", "attend", "output", "mlp"] as const).reduce((sum, stage) => sum + times.get(stage)![i]!, 0),
  );
  return {
    ...summary(whole),
    stages: Object.fromEntries(
      [...times].map(([stage, samples]) => {
        const floorMs = Math.min(...samples) * 0.7;
        return [stage, { ...summary(samples), flops: floorMs * 1.4e8, bytes: floorMs * 1e6, floorMs }];
      }),
    ),
  };
}

function summary(samples: number[]): { medianMs: number; minMs: number; maxMs: number; samples: number[] } {
  const sorted = [...samples].sort((a, b) => a - b);
  return { medianMs: sorted[Math.floor(sorted.length / 2)]!, minMs: sorted[0]!, maxMs: sorted.at(-1)!, samples };
}

function selection(
  kinds: readonly ("full" | "sparse")[],
  blocks: number,
  tokens: number,
  random: () => number,
): NonNullable<Report["selection"]> {
  const slots = Math.min(blocks, ARCHITECTURE.selectedTokens / ARCHITECTURE.block);
  const head = (): { blocks: number[]; scores: number[] } => {
    const order = Array.from({ length: blocks }, (_, block) => ({ block, at: random() })).sort((a, b) => a.at - b.at);
    const chosen = order.slice(0, slots).map(({ block }) => block);
    return { blocks: chosen.sort((a, b) => a - b), scores: chosen.map(() => random() * 0.2) };
  };
  return {
    block: ARCHITECTURE.block,
    slots: ARCHITECTURE.selectedTokens / ARCHITECTURE.block,
    oracles: kinds.flatMap((_, layer) => {
      const feeds = fedBy(kinds, layer);
      if (feeds.length === 0) return [];
      const heads = Array.from({ length: ARCHITECTURE.kvHeads }, head);
      return [{ layer, feeds, queries: [{ token: tokens - 1, heads }] }];
    }),
  };
}

function importance(
  kinds: readonly ("full" | "sparse")[],
  blockRanges: readonly [number, number][],
  text: string,
  random: () => number,
): NonNullable<Report["importance"]> {
  const lines = linesOf(text);
  const lineAt = (position: number): number => lines.findLastIndex((line) => line.start <= position) + 1;
  const ranges = blockRanges.map(([start, end]) => {
    const average = 0.01 + 0.01 * random();
    const weight = random() < 0.45 ? 0 : random() ** 2;
    return { start, end, weight, score: average * (1 + 3 * weight), average, selectedBy: Math.floor(7 * weight) };
  });
  const top = Math.max(...ranges.map((range) => range.weight), 1e-9);
  for (const range of ranges) range.weight /= top;
  const wanted = ranges.map((range, block) => ({ ...range, block })).sort((a, b) => b.weight - a.weight);
  return {
    queries: "last-token",
    contrast: "score minus average, scaled so that the highest is 1",
    ranges,
    layers: kinds.flatMap((kind, layer) =>
      kind === "full" ? [{ layer, scores: ranges.map(() => random() * 0.05) }] : [],
    ),
    passages: wanted.slice(0, 10).map((passage) => ({
      ...passage,
      startLine: lineAt(passage.start),
      endLine: lineAt(Math.max(passage.start, passage.end - 1)),
    })),
  };
}

/** The same numbers on every run (mulberry32). */
function randomNumbers(): () => number {
  let state = 20261122;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
