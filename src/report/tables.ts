import type { Samples, VariantReport } from "../protocol/report.ts";
import type { Report } from "../protocol/report.ts";
import { cumulativeKv, floorOf, hasDecode, slices, stagesIn, stageTotals, sumOf, variantsOf } from "./breakdown.ts";
import { bytes, count, duration, milliseconds } from "../text/format.ts";
import { floorWords } from "./limit.ts";
import { kindText, PHASE_NAMES, STAGE_NAMES, VARIANT_NAMES, VARIANT_SHORT, type PhaseName } from "./names.ts";
import { confidenceWords, factor, intervalWords, ratioMeaning } from "./ratio.ts";

/** A table as text, the same for the terminal and the page. A line end in a title is where it may best be broken. */
export interface Table {
  readonly columns: readonly { readonly title: string; readonly numeric: boolean }[];
  readonly rows: readonly (readonly string[])[];
}

const words = (title: string): Table["columns"][number] => ({ title, numeric: false });
const number = (title: string): Table["columns"][number] => ({ title, numeric: true });
const NONE = "-";

/** One row per variant: the figures that decide. */
export function totalsTable(report: Report): Table {
  const decode = hasDecode(report);
  return {
    columns: [
      words("Variant"),
      number("Time to first token"),
      number("min - max"),
      ...(decode ? [number("Time per output token"), number("min - max")] : []),
      number("KV cache"),
      number("By formula"),
      number("Peak memory"),
    ],
    rows: variantsOf(report).map(({ name, data: { totals } }) => [
      VARIANT_NAMES[name],
      duration(totals.prefillMs),
      spread(totals.prefillMinMs, totals.prefillMaxMs),
      ...(decode
        ? [
            totals.timePerOutputTokenMs === undefined ? NONE : duration(totals.timePerOutputTokenMs),
            spread(totals.timePerOutputTokenMinMs, totals.timePerOutputTokenMaxMs),
          ]
        : []),
      bytes(totals.kvBytes),
      totals.kvBytesPredicted === totals.kvBytes ? "same" : bytes(totals.kvBytesPredicted),
      totals.peakBytes === undefined ? NONE : bytes(totals.peakBytes),
    ]),
  };
}

/** One row per phase and other variant: the subject's time over it, from paired rounds; no rows in reports without. */
export function ratiosTable({ ratios }: Report): Table {
  return {
    columns: [
      words("Time of"),
      words("relative to"),
      words("Phase"),
      number("Ratio"),
      number(`${confidenceWords(ratios?.confidence ?? 0)} CI`),
      number("Rounds"),
      words("Result"),
    ],
    rows: (ratios?.pairs ?? []).map((pair) => [
      VARIANT_NAMES[pair.subject],
      VARIANT_NAMES[pair.other],
      PHASE_NAMES[pair.phase],
      factor(pair.ratio),
      intervalWords(pair),
      count(pair.rounds),
      ratioMeaning(pair),
    ]),
  };
}

/** One row per layer: latency of both phases and KV bytes, every variant beside the others. */
export function layerTable(report: Report): Table {
  const variants = variantsOf(report);
  const decode = hasDecode(report);
  const of = (what: string): Table["columns"][number][] =>
    variants.map(({ name }) => number(`${what}\n${VARIANT_SHORT[name]}`));
  return {
    columns: [number("Layer"), words("Kind"), ...of("Prefill, ms"), ...(decode ? of("Decode, ms") : []), ...of("KV")],
    rows: report.model.schedule.map((kind, index) => {
      const layers = variants.map(({ data }) => data.layers[index]);
      return [
        String(index),
        kind,
        ...layers.map((layer) => median(layer?.prefill)),
        ...(decode ? layers.map((layer) => median(layer?.decode)) : []),
        ...layers.map((layer) => (layer ? bytes(layer.kvBytes) : NONE)),
      ];
    }),
  };
}

/** One row per stage: its time summed over all layers beside its share of the limit, for every variant. */
export function stageTable(report: Report, phase: PhaseName): Table {
  const { column, cell } = floorWords(report);
  const sums = variantsOf(report).map(({ name, data }) => ({ name, stages: stageTotals(data, phase) }));
  const rows = stagesIn(report, phase).map((stage) => [
    STAGE_NAMES[stage],
    ...sums.flatMap(({ stages }) => {
      const slice = stages[stage];
      return slice ? [milliseconds(slice.ms), cell(slice)] : [NONE, NONE];
    }),
  ]);
  const total = [
    "all stages",
    ...sums.flatMap(({ stages }) => {
      const all = sumOf(stages);
      return [milliseconds(all.ms), cell(all)];
    }),
  ];
  return {
    columns: [words("Stage"), ...sums.flatMap(({ name }) => [number(`${VARIANT_SHORT[name]},\nms`), number(column)])],
    rows: [...rows, total],
  };
}

/** One variant's layers with their stages and spread: the twin of its latency chart. */
export function phaseTable(report: Report, variant: VariantReport, phase: PhaseName): Table {
  const { column, cell } = floorWords(report);
  const present = stagesIn(report, phase).filter((stage) => stageTotals(variant, phase)[stage]);
  return {
    columns: [
      number("Layer"),
      words("Kind"),
      number("Median, ms"),
      number("min - max"),
      ...present.map((stage) => number(STAGE_NAMES[stage])),
      number(column),
    ],
    rows: variant.layers.flatMap((layer) => {
      const measured = layer[phase];
      if (!measured) return [];
      const parts = slices(measured);
      return [
        [
          String(layer.index),
          kindText(layer),
          milliseconds(measured.medianMs),
          `${milliseconds(measured.minMs)} - ${milliseconds(measured.maxMs)}`,
          ...present.map((stage) => {
            const part = parts[stage];
            return part ? milliseconds(part.ms) : NONE;
          }),
          cell({ ms: measured.medianMs, floorMs: floorOf(measured) }),
        ],
      ];
    }),
  };
}

/** KV bytes of every layer and variant: the twin of the two memory charts. */
export function kvTable(report: Report): Table {
  const variants = variantsOf(report).map(({ name, data }) => ({ name, data, sums: cumulativeKv(data) }));
  return {
    columns: [
      number("Layer"),
      words("Kind"),
      ...variants.flatMap(({ name }) => [number(VARIANT_NAMES[name]), number("by formula"), number("cumulative")]),
    ],
    rows: report.model.schedule.map((kind, index) => [
      String(index),
      kind,
      ...variants.flatMap(({ data, sums }) => {
        const layer = data.layers[index];
        return layer ? [bytes(layer.kvBytes), bytes(layer.kvBytesPredicted), bytes(sums[index]!)] : [NONE, NONE, NONE];
      }),
    ]),
  };
}

/** What every oracle chose for the last token, per KV head. */
export function selectionTable(report: Report): Table {
  const rows = (report.selection?.oracles ?? []).flatMap((oracle) => {
    const last = oracle.queries.at(-1);
    return (last?.heads ?? []).map((head, index) => [
      String(oracle.layer),
      oracle.feeds.join(", "),
      String(index),
      String(last?.token ?? ""),
      head.blocks.join(", "),
    ]);
  });
  return {
    columns: [
      number("Oracle"),
      words("Read by layers"),
      number("KV head"),
      number("For token"),
      words("Selected blocks"),
    ],
    rows,
  };
}

function median(samples: Samples | undefined): string {
  return samples ? milliseconds(samples.medianMs) : NONE;
}

function spread(min: number | undefined, max: number | undefined): string {
  return min === undefined || max === undefined ? NONE : `${duration(min)} - ${duration(max)}`;
}
