import type { Fill } from "../../src/designs/look.ts";
import { ATTEND_PARTS, byStage } from "../../src/designs/stages.ts";
import type { PanelState } from "../../src/protocol/panel.ts";
import type { Report, VariantReport } from "../../src/profile/report.ts";
import { hasDecode, stagesIn, stageTotals, variantsOf } from "../../src/report/breakdown.ts";
import { duration, milliseconds } from "../../src/report/format.ts";
import {
  STAGE_MEANINGS,
  STAGE_NAMES,
  VARIANT_NAMES,
  VARIANT_SHORT,
  VARIANT_WORDS,
  type PhaseName,
} from "../../src/report/names.ts";
import { chartData, latencyId } from "../../src/report/page/charts.ts";
import { phaseTable, ratiosTable, stageTable } from "../../src/report/tables.ts";
import type { UiState } from "../ui-state.ts";
import type { BarsModel } from "./bars.ts";
import type { NamedTable } from "./named-table.ts";

export interface LatencyModel {
  readonly phase: PhaseName;
  readonly phases: readonly PhaseName[];
  readonly message: string;
  readonly stages: readonly { readonly fill: Fill; readonly name: string; readonly meaning: string }[];
  readonly totals: BarsModel;
  readonly layers: readonly BarsModel[];
  readonly tables: readonly NamedTable[];
}

const FILLS = byStage(({ fill }) => fill);

/** What the rest of a pass is: neither in a layer nor in any stage. */
export const REST: Fill = { hue: "pale", pattern: "solid" };

export function latencyModel({ report }: PanelState, ui: UiState): LatencyModel | undefined {
  if (!report || variantsOf(report).length === 0) return undefined;
  const phases: PhaseName[] = hasDecode(report) ? ["prefill", "decode"] : ["prefill"];
  const phase = phases.includes(ui.phase) ? ui.phase : "prefill";
  const message = messageOf(report, phase);
  return {
    phase,
    phases,
    message,
    stages: stagesIn(report, phase).map((stage) => ({
      fill: FILLS[stage],
      name: STAGE_NAMES[stage],
      meaning: STAGE_MEANINGS[stage],
    })),
    totals: totals(report, phase, message),
    layers: layers(report, phase),
    tables: [
      ...(report.ratios === undefined
        ? []
        : [{ caption: "Times against each other, by paired rounds", table: ratiosTable(report) }]),
      { caption: "All layers together, by stage", table: stageTable(report, phase) },
      ...variantsOf(report).map(({ name, data }) => ({
        caption: `${VARIANT_NAMES[name]}, by layer, ms`,
        table: phaseTable(report, data, phase),
      })),
    ],
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

function totals(report: Report, phase: PhaseName, message: string): BarsModel {
  const rows = variantsOf(report).map(({ name, data }) => {
    const stages = stageTotals(data, phase);
    const all = Object.values(stages);
    const inLayers = all.reduce((sum, { ms }) => sum + ms, 0);
    const time = whole(data, phase);
    return {
      name,
      stages,
      time,
      rest: Math.max(0, time.median - inLayers),
      floor: all.reduce((sum, { floorMs }) => sum + floorMs, 0),
    };
  });
  const present = stagesIn(report, phase);
  const largest = Math.max(...rows.map(({ time }) => time.max));
  const unit = largest >= 2000 ? { name: "seconds", size: 1000 } : { name: "milliseconds", size: 1 };
  return {
    id: "latency-totals",
    label: `${message} Stacked by stage, with the range of rounds and the floor.`,
    direction: "across",
    axis: unit.name,
    top: largest / unit.size,
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
    floor: rows.map(({ floor }) => floor / unit.size),
    range: { min: rows.map(({ time }) => time.min / unit.size), max: rows.map(({ time }) => time.max / unit.size) },
    median: rows.map(({ time }) => time.median / unit.size),
    ends: rows.map(({ time }) => duration(time.median)),
    texts: rows.map(({ stages, time, rest, floor }) => [
      `median ${duration(time.median)} (${duration(time.min)} to ${duration(time.max)})`,
      ...present.flatMap((stage) => {
        const part = stages[stage];
        return part ? [`${STAGE_NAMES[stage]} ${duration(part.ms)}`] : [];
      }),
      ...(rest > 0 ? [`outside the layers ${duration(rest)}`] : []),
      `floor ${duration(floor)}`,
    ]),
  };
}

function layers(report: Report, phase: PhaseName): BarsModel[] {
  const data = chartData(report);
  return variantsOf(report).flatMap(({ name, data: variant }) => {
    const chart = data.latency.find(({ id }) => id === latencyId(phase, name));
    if (!chart) return [];
    const slowest = variant.layers.reduce((a, b) => ((b[phase]?.medianMs ?? 0) > (a[phase]?.medianMs ?? 0) ? b : a));
    return [
      {
        id: `latency-${name}`,
        caption: VARIANT_NAMES[name],
        label:
          `${chart.label}: the slowest is layer ${slowest.index}, ${slowest.kind}, ` +
          `${milliseconds(slowest[phase]?.medianMs ?? 0)} ms.`,
        direction: "up" as const,
        axis: "ms",
        top: chart.top,
        categories: data.layers,
        titles: chart.titles,
        series: chart.stages.map(({ stage, name: stageName, ms }) => ({
          fill: FILLS[stage],
          name: stageName,
          values: ms,
        })),
        floor: chart.floor,
        range: { min: chart.min, max: chart.max },
        median: variant.layers.map((layer) => layer[phase]?.medianMs ?? 0),
        texts: chart.texts,
      },
    ];
  });
}
