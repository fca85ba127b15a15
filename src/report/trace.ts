import { ATTEND_PARTS, type Stage } from "../engine/engine.ts";
import type { LayerReport, PhaseReport, Report, Samples, StageReport, VariantReport } from "../protocol/report.ts";
import { floorOf, variantsOf } from "./breakdown.ts";
import { STAGE_MEANINGS, STAGE_NAMES, VARIANT_MEANINGS, VARIANT_NAMES, kindText, type PhaseName } from "./names.ts";
import { partialNote } from "./partial.ts";
import { decodeOf, prefillOf } from "./spread.ts";

/** What a reader of the trace must know first; in its metadata and on every track. */
export const TRACE_NOTE =
  "Not a recording: every slice is a median over repeated runs, laid end to end. Where the medians of the parts exceed " +
  "the median of the whole, the parts are scaled down (args hold the measured times); where they fall short, the " +
  "rest is left empty.";

/** A slice before it is placed: its own time, and its parts in order. */
interface Node {
  readonly name: string;
  readonly category: "variant" | "phase" | "layer" | "stage";
  readonly ms: number;
  readonly args: Readonly<Record<string, unknown>>;
  readonly parts: readonly Node[];
}

type TraceEvent = Readonly<Record<string, unknown>>;

/** Stages of a layer that follow one another; `attend` holds the rest. */
const SEQUENCE = ["project", "attend", "output", "mlp"] as const satisfies readonly Stage[];

const PHASE_TITLES: Readonly<Record<PhaseName, string>> = { prefill: "Prefill", decode: "One output token" };

/**
 * The report as a trace for Chrome's tracing page and Perfetto: one process per variant; in it the variant, its phases
 * (prefill, one output token), their layers, their stages and the parts of `attend`, strictly nested. Times are microseconds in
 * steps of a nanosecond; what rounds to nothing is left out.
 */
export function traceText(report: Report): string {
  const events = variantsOf(report).flatMap(({ name, data }, i): TraceEvent[] => {
    const at = { pid: i + 1, tid: 1 };
    return [
      { ...at, ph: "M", name: "process_name", args: { name: VARIANT_NAMES[name] } },
      { ...at, ph: "M", name: "process_sort_index", args: { sort_index: i } },
      { ...at, ph: "M", name: "process_labels", args: { labels: "medians laid end to end, not a recording" } },
      { ...at, ph: "M", name: "thread_name", args: { name: "medians laid end to end" } },
      ...Array.from(place(variantNode(VARIANT_NAMES[name], VARIANT_MEANINGS[name], data), 0, 1), (event) => ({
        ...at,
        ...event,
      })),
    ];
  });
  const { document, environment, model, tool } = report;
  const otherData = {
    note: TRACE_NOTE,
    tool: `${tool.name} ${tool.version}`,
    createdAt: report.createdAt,
    document: document.name,
    documentSha256: document.sha256,
    tokens: document.tokens,
    model: model.name,
    weights: model.weights,
    engine: environment.engine,
    device: environment.device,
    repetitions: report.settings.repetitions,
    ...(report.partial === undefined ? {} : { partial: partialNote(report) }),
    ...(report.ratios === undefined ? {} : { ratios: report.ratios }),
  };
  return `${JSON.stringify({ displayTimeUnit: "ms", otherData, traceEvents: events })}\n`;
}

/** A slice and all in it, each before its parts. `scale` turns measured milliseconds into drawn ones. */
function place(node: Node, startNs: number, scale: number): Iterable<TraceEvent> {
  return placeWithin(node, startNs, startNs + Math.floor(node.ms * scale * 1e6), scale);
}

function* placeWithin(node: Node, from: number, to: number, scale: number): Generator<TraceEvent> {
  if (to <= from) return;
  const sum = node.parts.reduce((total, part) => total + part.ms, 0);
  const inner = sum > node.ms ? (scale * node.ms) / sum : scale;
  yield { ph: "X", name: node.name, cat: node.category, ts: from / 1000, dur: (to - from) / 1000, args: node.args };
  // Ends come from the running sum, so that rounding never pushes a part out of its parent or over its neighbour.
  let before = 0;
  let at = from;
  for (const part of node.parts) {
    before += part.ms;
    const end = Math.min(to, from + Math.floor(before * inner * 1e6));
    yield* placeWithin(part, at, end, inner);
    at = end;
  }
}

function variantNode(name: string, meaning: string, data: VariantReport): Node {
  const prefill = prefillOf(data);
  const decode = decodeOf(data);
  const phases = [
    phaseNode("prefill", data, prefill.median, data.totals.prefillSamples),
    ...(decode ? [phaseNode("decode", data, decode.median, data.totals.timePerOutputTokenSamples ?? [])] : []),
  ];
  const { kvBytes, kvBytesPredicted, peakBytes } = data.totals;
  return {
    name,
    category: "variant",
    ms: phases.reduce((sum, phase) => sum + phase.ms, 0),
    args: { meaning, kvBytes, kvBytesPredicted, peakBytes, ...(data.note === undefined ? {} : { note: data.note }) },
    parts: phases,
  };
}

function phaseNode(phase: PhaseName, data: VariantReport, ms: number, samples: readonly number[]): Node {
  const layers = data.layers.flatMap((layer) => (layer[phase] ? [layerNode(layer, layer[phase])] : []));
  const timed = layers.reduce((sum, layer) => sum + layer.ms, 0);
  const rest: Node = {
    name: "embedding, head, between layers",
    category: "layer",
    ms: Math.max(0, ms - timed),
    args: { note: "not timed separately: the median of the whole minus the medians of the layers" },
    parts: [],
  };
  return {
    name: PHASE_TITLES[phase],
    category: "phase",
    ms,
    args: { medianMs: ms, samplesMs: samples, layersMs: timed },
    parts: [...layers, rest],
  };
}

function layerNode(layer: LayerReport, phase: PhaseReport): Node {
  const { stages } = phase;
  const inside = ATTEND_PARTS.flatMap((name) => (stages[name] ? [stageNode(name, stages[name], [])] : []));
  return {
    name: `Layer ${layer.index}, ${kindText(layer)}`,
    category: "layer",
    ms: phase.medianMs,
    args: {
      kind: layer.kind,
      ...times(phase),
      floorMs: floorOf(phase),
      kvBytes: layer.kvBytes,
      ...(layer.kvBorrowedFrom === undefined ? {} : { kvBorrowedFrom: layer.kvBorrowedFrom }),
      ...(layer.chosenBy === undefined ? {} : { chosenBy: layer.chosenBy }),
    },
    parts: SEQUENCE.flatMap((name) =>
      stages[name] ? [stageNode(name, stages[name], name === "attend" ? inside : [])] : [],
    ),
  };
}

function stageNode(stage: Stage, data: StageReport, parts: readonly Node[]): Node {
  const { flops, bytes, floorMs } = data;
  return {
    name: STAGE_NAMES[stage],
    category: "stage",
    ms: data.medianMs,
    args: { meaning: STAGE_MEANINGS[stage], ...times(data), floorMs, flops, bytes },
    parts,
  };
}

function times({ medianMs, minMs, maxMs, samples }: Samples): Record<string, unknown> {
  return { medianMs, minMs, maxMs, samplesMs: samples };
}
