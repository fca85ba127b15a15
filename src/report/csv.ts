import { STAGES } from "../engine/engine.ts";
import type { RatioReport, Report, StageReport } from "../protocol/report.ts";
import { variantsOf } from "./breakdown.ts";
import { crossovers, timeOf } from "./crossover.ts";
import { fidelityRuns } from "./fidelity.ts";
import { hasLimits, shareOfLimit } from "./limit.ts";
import type { PhaseName } from "./names.ts";
import { selectingIn } from "./plan.ts";

/**
 * Tidy long form: one row per variant, layer, phase and stage. `stage` is "all" for the whole layer; rows whose `layer`
 * is empty and whose `kind` is "total" are the variant's totals. Score, select, sparse and window are parts of attend:
 * sum "all" rows, or stages, never both. KV bytes stand on the prefill "all" rows only, so that a plain sum is right.
 * Rows of kind "sweep" are totals at other context lengths, which stand in `tokens`; in rows of kind "crossover" `tokens`
 * is the estimate of where the subject becomes faster than the row's variant. Rows of kind "fidelity" (by layer) and "swap"
 * (by `selection`, what replaced it) and "oracle-map" (by layer) have a `value` each of what `measure` names, as the report names it, and no times.
 * `shareOfLimit` is the floor over the median; empty in reports up to 0.5.0, whose floors are no limits.
 * Rows of kind "ratio" are the time of `variant` over that of `against` at `tokens`, from paired rounds, with its interval.
 */
export const CSV_COLUMNS = [
  "document",
  "tokens",
  "model",
  "weights",
  "engine",
  "variant",
  "layer",
  "kind",
  "phase",
  "stage",
  "medianMs",
  "minMs",
  "maxMs",
  "floorMs",
  "flops",
  "bytes",
  "kvBytes",
  "kvBytesPredicted",
  "peakBytes",
  "selection",
  "measure",
  "value",
  "against",
  "ratio",
  "ratioLow",
  "ratioHigh",
  "rounds",
  "shareOfLimit",
] as const;

type Row = Partial<Record<(typeof CSV_COLUMNS)[number], string | number>>;

export function toCsv(report: Report): string {
  const common: Row = {
    document: report.document.name,
    tokens: report.document.tokens,
    model: report.model.name,
    weights: report.model.weights,
    engine: report.environment.engine,
  };
  const lines = [CSV_COLUMNS.join(",")];
  for (const row of rows(report)) {
    const full: Row = { ...common, ...row };
    lines.push(CSV_COLUMNS.map((column) => field(full[column])).join(","));
  }
  return `${lines.join("\n")}\n`;
}

function* rows(report: Report): Generator<Row> {
  const limits = hasLimits(report);
  for (const { name, data } of variantsOf(report)) {
    for (const layer of data.layers) {
      for (const phase of ["prefill", "decode"] as const) {
        const measured = layer[phase];
        if (!measured) continue;
        const at: Row = { variant: name, layer: layer.index, kind: layer.kind, phase };
        const kv: Row = phase === "prefill" ? { kvBytes: layer.kvBytes, kvBytesPredicted: layer.kvBytesPredicted } : {};
        yield { ...at, stage: "all", ...times(measured), ...kv };
        for (const stage of STAGES) {
          const part = measured.stages[stage];
          if (part) yield { ...at, stage, ...times(part), ...work(part, limits) };
        }
      }
    }
    yield* totals(report, name);
  }
  for (const part of report.partial?.missing ?? []) yield { kind: "partial", measure: "missing", value: part };
  yield* ratios(report.document.tokens, report.ratios?.pairs ?? []);
  yield* sweep(report);
  yield* fidelity(report);
  yield* swaps(report);
  yield* oracleMap(report);
}

function* totals(report: Report, variant: keyof Report["variants"]): Generator<Row> {
  const sums = report.variants[variant]!.totals;
  const at = (phase: PhaseName): Row => ({ variant, kind: "total", phase, stage: "all" });
  yield {
    ...at("prefill"),
    medianMs: sums.prefillMs,
    minMs: sums.prefillMinMs,
    maxMs: sums.prefillMaxMs,
    kvBytes: sums.kvBytes,
    kvBytesPredicted: sums.kvBytesPredicted,
    ...(sums.peakBytes === undefined ? {} : { peakBytes: sums.peakBytes }),
  };
  if (sums.timePerOutputTokenMs === undefined) return;
  yield {
    ...at("decode"),
    medianMs: sums.timePerOutputTokenMs,
    ...(sums.timePerOutputTokenMinMs === undefined ? {} : { minMs: sums.timePerOutputTokenMinMs }),
    ...(sums.timePerOutputTokenMaxMs === undefined ? {} : { maxMs: sums.timePerOutputTokenMaxMs }),
  };
}

function* ratios(tokens: number, pairs: readonly RatioReport[]): Generator<Row> {
  for (const { phase, subject, other, ratio, low, high, rounds } of pairs) {
    const at: Row = { tokens, variant: subject, kind: "ratio", phase, stage: "all" };
    yield { ...at, against: other, ratio, ratioLow: low, ratioHigh: high, rounds };
  }
}

function* sweep(report: Report): Generator<Row> {
  for (const point of report.sweep?.points ?? []) {
    for (const { name } of variantsOf(report)) {
      for (const phase of ["prefill", "decode"] as const) {
        const time = timeOf(point, name, phase);
        if (time === undefined) continue;
        yield {
          tokens: point.tokens,
          variant: name,
          kind: "sweep",
          phase,
          stage: "all",
          medianMs: time.median,
          minMs: time.min,
          maxMs: time.max,
          ...(phase === "prefill" ? { kvBytes: point.variants[name]!.kvBytes } : {}),
        };
      }
    }
  }
  for (const { tokens, ratios: pairs } of report.sweep?.points ?? []) {
    // The document's own length is the main measurement, whose ratios stand above.
    if (tokens !== report.document.tokens) yield* ratios(tokens, pairs ?? []);
  }
  for (const { rival, phase, tokens } of crossovers(report)) {
    if (tokens !== undefined)
      yield { tokens: Math.round(tokens), variant: rival, kind: "crossover", phase, stage: "all" };
  }
}

function* fidelity(report: Report): Generator<Row> {
  for (const { variant, layers } of fidelityRuns(report)) {
    for (const { layer, oracle, distance, mass, blocks } of layers) {
      const at: Row = { variant, layer, kind: "fidelity" };
      yield { ...at, measure: "oracle", value: oracle };
      yield { ...at, measure: "distance", value: distance };
      for (const [name, value] of Object.entries(mass)) yield { ...at, measure: `mass.${name}`, value };
      for (const [name, value] of Object.entries(blocks)) yield { ...at, measure: `blocks.${name}`, value };
    }
  }
}

function* oracleMap({ oracleMap: map }: Report): Generator<Row> {
  for (const { k, layers } of map?.budgets ?? []) {
    for (const [layer, { newest, random, ...bySource }] of layers.entries()) {
      const at: Row = { layer, kind: "oracle-map" };
      for (const [name, values] of Object.entries(bySource)) {
        for (const [source, value] of values.entries()) yield { ...at, measure: `${name}.k${k}.layer${source}`, value };
      }
      for (const [choice, shares] of Object.entries({ newest, random })) {
        for (const [name, value] of Object.entries(shares)) yield { ...at, measure: `${name}.k${k}.${choice}`, value };
      }
    }
  }
  for (const [i, { bySource, newest }] of (map?.errors ?? []).entries()) {
    const at: Row = { layer: i + 1, kind: "oracle-map" };
    for (const [source, value] of bySource.entries()) yield { ...at, measure: `error.layer${source}`, value };
    yield { ...at, measure: "error.newest", value: newest };
  }
}

function* swaps(report: Report): Generator<Row> {
  const variant = selectingIn(report);
  for (const { name, bitsPerByte, added, addedLow, addedHigh } of report.swaps?.results ?? []) {
    const at: Row = { ...(variant === undefined ? {} : { variant }), kind: "swap", selection: name };
    const values = { bitsPerByte, added, addedLow, addedHigh };
    for (const [measure, value] of Object.entries(values)) yield { ...at, measure, value };
  }
}

function times(samples: { medianMs: number; minMs: number; maxMs: number }): Row {
  return { medianMs: samples.medianMs, minMs: samples.minMs, maxMs: samples.maxMs };
}

function work({ medianMs, floorMs, flops, bytes }: StageReport, limits: boolean): Row {
  const share = limits ? shareOfLimit({ ms: medianMs, floorMs }) : undefined;
  return { floorMs, flops, bytes, ...(share === undefined ? {} : { shareOfLimit: share }) };
}

/**
 * RFC 4180: quoted where it holds a comma, a quote or a line end; quotes doubled. A text that a spreadsheet would take for a
 * formula gets an apostrophe before it, as spreadsheets themselves write such a text; numbers stay numbers.
 */
function field(value: string | number | undefined): string {
  const formula = typeof value === "string" && /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/.test(value);
  const text = `${formula ? "'" : ""}${value ?? ""}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
