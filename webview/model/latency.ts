import type { Fill } from "../../src/designs/look.ts";
import { ATTEND_PARTS, byStage, type Stage } from "../../src/designs/stages.ts";
import type { PanelState } from "../../src/protocol/panel.ts";
import { largest } from "../../src/profile/extremes.ts";
import type { PhaseReport, Report, VariantReport } from "../../src/protocol/report.ts";
import { floorOf, hasDecode, slices, stagesIn, stageTotals, sumOf, variantsOf } from "../../src/report/breakdown.ts";
import { duration, milliseconds, sentence } from "../../src/report/format.ts";
import { floorWords, type FloorWords } from "../../src/report/limit.ts";
import {
  PHASE_NAMES,
  STAGE_MEANINGS,
  STAGE_NAMES,
  VARIANT_NAMES,
  VARIANT_SHORT,
  VARIANT_WORDS,
  type PhaseName,
} from "../../src/report/names.ts";
import { layerTable, phaseTable, ratiosTable, stageTable } from "../../src/report/tables.ts";
import type { UiState } from "../ui-state.ts";
import { layerNames, type BarsModel } from "./bars.ts";
import type { NamedTable } from "./named-table.ts";

export interface LatencyModel {
  readonly phase: PhaseName;
  readonly phases: readonly PhaseName[];
  readonly message: string;
  readonly stages: readonly { readonly fill: Fill; readonly name: string; readonly meaning: string }[];
  /** The mark across a bar. */
  readonly floor: Pick<FloorWords, "mark" | "meaning">;
  readonly totals: BarsModel;
  readonly layers: readonly BarsModel[];
  /** Of the phase that is shown. */
  readonly tables: readonly NamedTable[];
  /** Of both phases. */
  readonly common: readonly NamedTable[];
  /** How charts and tables are to be read. */
  readonly reading: readonly string[];
}

const FILLS = byStage(({ fill }) => fill);
/** What a reader chooses between. */
export const PHASES = { prefill: "Prefill: reading the document", decode: "Decode: each output token" } as const;

const howToRead = ({ mark, meaning }: FloorWords): string =>
  `The thick mark across a bar is its ${mark}: ${meaning}. What lies beyond it is overhead. The thin line is the range of ` +
  "all runs. F marks full layers, which read every token. All charts of one kind share one scale.";

/** What the rest of a pass is: neither in a layer nor in any stage. */
export const REST: Fill = { hue: "pale", pattern: "solid" };

export function latencyModel({ report }: PanelState, ui: UiState): LatencyModel | undefined {
  if (!report || variantsOf(report).length === 0) return undefined;
  const phases: PhaseName[] = hasDecode(report) ? ["prefill", "decode"] : ["prefill"];
  const phase = phases.includes(ui.phase) ? ui.phase : "prefill";
  const message = messageOf(report, phase);
  const floor = floorWords(report);
  return {
    phase,
    phases,
    message,
    stages: stagesIn(report, phase).map((stage) => ({
      fill: FILLS[stage],
      name: STAGE_NAMES[stage],
      meaning: STAGE_MEANINGS[stage],
    })),
    floor,
    totals: totals(report, phase, message, floor),
    layers: layers(report, phase, floor),
    tables: [
      { caption: "All layers together, by stage", table: stageTable(report, phase) },
      ...variantsOf(report).map(({ name, data }) => ({
        caption: `${VARIANT_NAMES[name]}, by layer, ms`,
        table: phaseTable(report, data, phase),
      })),
    ],
    common: [
      ...(report.ratios === undefined
        ? []
        : [{ caption: "Times against each other, by paired rounds", table: ratiosTable(report) }]),
      { caption: "Every layer in one table", table: layerTable(report) },
    ],
    reading: [howToRead(floor), ...(report.ratios === undefined ? [] : [sentence(report.ratios.method)])],
  };
}

/** "Attention takes 1.6 s of the 3.0 s of HySparse, 1.7 s of the 3.2 s of full attention." */
function messageOf(report: Report, phase: PhaseName): string {
  const parts = variantsOf(report).map(({ name, data }) => {
    const stages = stageTotals(data, phase);
    const attention = [stages.attend, ...ATTEND_PARTS.map((part) => stages[part])];
    const ms = attention.reduce((sum, slice) => sum + (slice?.ms ?? 0), 0);
    return `${duration(ms)} of the ${duration(whole(data, phase).median)} of ${VARIANT_WORDS[name]}`;
  });
  const what = phase === "prefill" ? "When the document is read" : "For each output token";
  return `${what}, attention takes ${parts.join(", ")}. The rest (projections, MLP) is nearly the same work in every variant.`;
}

interface Whole {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

function whole({ totals }: VariantReport, phase: PhaseName): Whole {
  if (phase === "prefill") return { median: totals.prefillMs, min: totals.prefillMinMs, max: totals.prefillMaxMs };
  const median = totals.timePerOutputTokenMs ?? 0;
  return {
    median,
    min: totals.timePerOutputTokenMinMs ?? median,
    max: totals.timePerOutputTokenMaxMs ?? median,
  };
}

function totals(report: Report, phase: PhaseName, message: string, words: FloorWords): BarsModel {
  const rows = variantsOf(report).map(({ name, data }) => {
    const stages = stageTotals(data, phase);
    const inLayers = sumOf(stages);
    const time = whole(data, phase);
    return {
      name,
      stages,
      time,
      inLayers,
      rest: Math.max(0, time.median - inLayers.ms),
    };
  });
  const present = stagesIn(report, phase);
  const longest = largest(rows.map(({ time }) => time.max));
  const unit = longest >= 2000 ? { name: "seconds", size: 1000 } : { name: "milliseconds", size: 1 };
  return {
    id: "latency-totals",
    label: `${message} Stacked by stage, with the range of rounds and the ${words.mark}.`,
    direction: "across",
    axis: unit.name,
    top: longest / unit.size,
    categories: rows.map(({ name }) => VARIANT_SHORT[name]),
    titles: rows.map(({ name }) => VARIANT_NAMES[name]),
    series: [
      ...present.map((stage) => ({
        fill: FILLS[stage],
        name: STAGE_NAMES[stage],
        values: rows.map(({ stages }) => (stages[stage]?.ms ?? 0) / unit.size),
      })),
      { fill: REST, name: "outside the layers", values: rows.map(({ rest }) => rest / unit.size) },
    ],
    floor: rows.map(({ inLayers }) => inLayers.floorMs / unit.size),
    range: { min: rows.map(({ time }) => time.min / unit.size), max: rows.map(({ time }) => time.max / unit.size) },
    median: rows.map(({ time }) => time.median / unit.size),
    ends: rows.map(({ time }) => duration(time.median)),
    texts: rows.map(({ stages, time, rest, inLayers }) => [
      `median ${duration(time.median)} (${duration(time.min)} to ${duration(time.max)})`,
      ...present.flatMap((stage) => {
        const part = stages[stage];
        return part ? [`${STAGE_NAMES[stage]} ${duration(part.ms)}`] : [];
      }),
      ...(rest > 0 ? [`outside the layers ${duration(rest)}`] : []),
      words.text(inLayers, duration),
    ]),
  };
}

function layers(report: Report, phase: PhaseName, words: FloorWords): BarsModel[] {
  const variants = variantsOf(report);
  const top = largest(
    variants.flatMap(({ data }) => data.layers.map((layer) => layer[phase]?.maxMs ?? 0)),
    0,
  );
  return variants.map(({ name, data }) => {
    const of = (value: (measured: PhaseReport) => number): number[] =>
      data.layers.map(({ [phase]: measured }) => (measured ? value(measured) : 0));
    const parts = data.layers.map(({ [phase]: measured }) => (measured ? slices(measured) : {}));
    const slowest = data.layers.reduce((a, b) => ((b[phase]?.medianMs ?? 0) > (a[phase]?.medianMs ?? 0) ? b : a));
    return {
      id: `latency-${name}`,
      caption: VARIANT_NAMES[name],
      label:
        `${PHASE_NAMES[phase]} time by layer, ${VARIANT_NAMES[name]}: the slowest is layer ${slowest.index}, ` +
        `${slowest.kind}, ${milliseconds(slowest[phase]?.medianMs ?? 0)} ms.`,
      direction: "up",
      axis: "ms",
      top,
      categories: layerNames(report),
      titles: data.layers.map((layer) => `Layer ${layer.index}, ${layer.kind}`),
      series: stagesIn(report, phase)
        .filter((stage) => parts.some((part) => part[stage]))
        .map((stage) => ({
          fill: FILLS[stage],
          name: STAGE_NAMES[stage],
          values: parts.map((part) => part[stage]?.ms ?? 0),
        })),
      floor: of(floorOf),
      range: { min: of(({ minMs }) => minMs), max: of(({ maxMs }) => maxMs) },
      median: of(({ medianMs }) => medianMs),
      texts: data.layers.map((layer) => layerText(layer[phase], words)),
    };
  });
}

function layerText(measured: PhaseReport | undefined, words: FloorWords): string[] {
  if (!measured) return ["not measured"];
  const stages = Object.entries(slices(measured)) as [Stage, { ms: number }][];
  return [
    `median ${milliseconds(measured.medianMs)} ms (${milliseconds(measured.minMs)} to ${milliseconds(measured.maxMs)})`,
    ...stages.map(([stage, slice]) => `${STAGE_NAMES[stage]} ${milliseconds(slice.ms)} ms`),
    words.text({ ms: measured.medianMs, floorMs: floorOf(measured) }, (ms) => `${milliseconds(ms)} ms`),
  ];
}
