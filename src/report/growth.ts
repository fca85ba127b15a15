import type { Variant } from "../engine/engine.ts";
import type { Report, VariantReport } from "../protocol/report.ts";
import { variantsOf } from "./breakdown.ts";
import { bytes, count } from "../text/format.ts";
import { keptVectors, streamsOf } from "../designs/plan.ts";
import { filledAt, planIn } from "./plan.ts";

/** How KV memory grows with the context, and at which length it fills the device. */
export interface Growth {
  readonly rows: readonly GrowthRow[];
  /** What the growth was taken from, and what was and was not counted for the length at which the device is full. */
  readonly note: string;
}

export interface GrowthRow {
  readonly variant: Variant;
  /** KV bytes that 1,000 tokens more take, once the windows are full. */
  readonly bytesPerThousand: number;
  /** Allocations at two lengths of a sweep, or the formula of profile/kv.ts. */
  readonly basis: "measured" | "formula";
  /** The context at which KV cache, weights and workspace fill the memory; undefined where its size is unknown, or nothing grows. */
  readonly fullTokens?: number;
  /** The same in words: "about 1,300,000 tokens", or "never". */
  readonly fullAt?: string;
}

interface Capacity {
  readonly bytes: number;
  readonly what: string;
}

/** Growth of every variant in the report. */
export function growthOf(report: Report): Growth {
  const capacity = capacityOf(report);
  const rows = variantsOf(report).map(({ name, data }): GrowthRow => {
    const perToken = measuredGrowth(report, name);
    const slope = perToken ?? formulaGrowth(report, name, data);
    return {
      variant: name,
      bytesPerThousand: slope * 1000,
      basis: perToken === undefined ? "formula" : "measured",
      ...(capacity === undefined ? {} : full(report.document.tokens, data, slope, capacity)),
    };
  });
  return { rows, note: [basisNote(rows), capacityNote(report, capacity)].join(" ") };
}

/** Bytes per token between the shortest and the longest measured context in which every window is full. */
function measuredGrowth(report: Report, variant: Variant): number | undefined {
  const filled = filledAt(report);
  const points = (report.sweep?.points ?? []).flatMap(({ tokens, variants }) => {
    const of = variants[variant];
    return of && tokens >= filled ? [{ tokens, bytes: of.kvBytes }] : [];
  });
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last || first.tokens === last.tokens) return undefined;
  return (last.bytes - first.bytes) / (last.tokens - first.tokens);
}

/** Bytes per token of the layers that keep every token: 2 Hkv d b each, and what else of theirs grows with the context. */
function formulaGrowth(report: Report, variant: Variant, { layers }: VariantReport): number {
  const plan = planIn(report, variant);
  const { tokens } = report.document;
  return layers.reduce((sum, { index, kvBytesPredicted }) => {
    const streams = streamsOf(plan[index]!);
    const growing = streams.filter(({ kind }) => kind !== "ring");
    return sum + (kvBytesPredicted * keptVectors(growing, tokens)) / keptVectors(streams, tokens) / tokens;
  }, 0);
}

/** On a GPU what was free when the engine started, weights not yet loaded; else the machine's memory. */
function capacityOf({ environment }: Report): Capacity | undefined {
  const { gpu, memoryBytes, container } = environment;
  const what = container?.memoryBytes === memoryBytes ? "container memory" : "RAM";
  if (gpu === undefined) return memoryBytes > 0 ? { bytes: memoryBytes, what } : undefined;
  return gpu.freeBytes === undefined ? undefined : { bytes: gpu.freeBytes, what: "free GPU memory" };
}

function full(
  tokens: number,
  { totals }: VariantReport,
  slope: number,
  capacity: Capacity,
): Pick<GrowthRow, "fullTokens" | "fullAt"> {
  if (slope <= 0) return { fullAt: "never" };
  if (totals.peakBytes === undefined) return {};
  const fullTokens = Math.max(0, Math.floor(tokens + (capacity.bytes - totals.peakBytes) / slope));
  return { fullTokens, fullAt: `about ${count(Number(fullTokens.toPrecision(2)))} tokens` };
}

function basisNote(rows: readonly GrowthRow[]): string {
  return rows.some(({ basis }) => basis === "measured")
    ? "Growth: allocated between the shortest and the longest context of the sweep."
    : "Growth: by formula, 2 Hkv d b bytes per token in every layer that keeps all tokens.";
}

function capacityNote({ environment, model, document }: Report, capacity: Capacity | undefined): string {
  if (capacity === undefined) {
    return environment.gpu === undefined
      ? "The longest context is unknown: this machine does not report its memory."
      : "The longest context is unknown: this GPU does not report its free memory.";
  }
  return (
    `Full: the longest context that fits in ${bytes(capacity.bytes)} of ${capacity.what}. An upper bound: weights and workspace are counted ` +
    `as at ${count(document.tokens)} tokens; workspace that grows with the context and ` +
    "other programs are not. " +
    `The maximum context of ${model.name} is ${count(model.architecture.maxContext)} tokens.`
  );
}
