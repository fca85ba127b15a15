import type { Stage } from "../../engine/engine.ts";
import type { LayerReport, Report, VariantReport } from "../../profile/report.ts";
import { cumulativeKv, floorOf, hasDecode, slices, stagesIn, variantsOf } from "../breakdown.ts";
import { bytes, byteUnit, milliseconds } from "../format.ts";
import { PHASE_NAMES, STAGE_NAMES, VARIANT_NAMES, type PhaseName } from "../names.ts";
import { coverageCharts, type CoverageChart } from "./coverage.ts";
import { curves, type CurveChart } from "./curves.ts";
import { largest } from "../../profile/extremes.ts";

/**
 * What the page's script draws: values in the axis's unit, and beside each the text a reader sees, so that the script
 * formats nothing itself.
 */
export interface ChartData {
  /** Tick labels, one per layer; full layers carry an F. */
  readonly layers: readonly string[];
  readonly latency: readonly LatencyChart[];
  readonly memory: readonly MemoryChart[];
  readonly curves: readonly CurveChart[];
  readonly coverage: readonly CoverageChart[];
}

/** One variant's latency by layer, stacked by stage. Charts of one phase share `top`, so that they compare by eye. */
export interface LatencyChart {
  readonly id: string;
  readonly label: string;
  readonly top: number;
  readonly titles: readonly string[];
  readonly stages: readonly { readonly stage: Stage; readonly name: string; readonly ms: readonly number[] }[];
  readonly floor: readonly number[];
  readonly min: readonly number[];
  readonly max: readonly number[];
  /** Lines of the tooltip, per layer. */
  readonly texts: readonly (readonly string[])[];
}

export interface MemoryChart {
  readonly id: string;
  readonly label: string;
  readonly form: "bar" | "line";
  readonly axis: string;
  readonly series: readonly { readonly variant: string; readonly name: string; readonly values: readonly number[] }[];
  readonly texts: readonly (readonly string[])[];
}

/** The element that holds a latency chart. */
export function latencyId(phase: PhaseName, variant: string): string {
  return `${phase}-${variant}`;
}

export function chartData(report: Report): ChartData {
  const phases: PhaseName[] = hasDecode(report) ? ["prefill", "decode"] : ["prefill"];
  return {
    layers: report.model.schedule.map((kind, index) => (kind === "full" ? `F${index}` : String(index))),
    latency: phases.flatMap((phase) => latency(report, phase)),
    memory: memory(report),
    curves: curves(report),
    coverage: coverageCharts(report),
  };
}

function latency(report: Report, phase: PhaseName): LatencyChart[] {
  const variants = variantsOf(report);
  const top = largest(
    variants.flatMap(({ data }) => data.layers.map((layer) => layer[phase]?.maxMs ?? 0)),
    0,
  );
  return variants.map(({ name, data }) => {
    const parts = data.layers.map((layer) => (layer[phase] ? slices(layer[phase]) : {}));
    const present = stagesIn(report, phase).filter((stage) => parts.some((part) => part[stage]));
    return {
      id: latencyId(phase, name),
      label: `${PHASE_NAMES[phase]} time by layer, ${VARIANT_NAMES[name]}`,
      top,
      titles: data.layers.map((layer) => `Layer ${layer.index}, ${layer.kind}`),
      stages: present.map((stage) => ({
        stage,
        name: STAGE_NAMES[stage],
        ms: parts.map((part) => part[stage]?.ms ?? 0),
      })),
      floor: data.layers.map((layer) => (layer[phase] ? floorOf(layer[phase]) : 0)),
      min: data.layers.map((layer) => layer[phase]?.minMs ?? 0),
      max: data.layers.map((layer) => layer[phase]?.maxMs ?? 0),
      texts: data.layers.map((layer) => latencyText(layer, phase)),
    };
  });
}

function latencyText(layer: LayerReport, phase: PhaseName): string[] {
  const measured = layer[phase];
  if (!measured) return ["not measured"];
  const stages = Object.entries(slices(measured)) as [Stage, { ms: number }][];
  return [
    `median ${milliseconds(measured.medianMs)} ms (${milliseconds(measured.minMs)} to ${milliseconds(measured.maxMs)})`,
    ...stages.map(([stage, slice]) => `${STAGE_NAMES[stage]} ${milliseconds(slice.ms)} ms`),
    `floor ${milliseconds(floorOf(measured))} ms`,
  ];
}

function memory(report: Report): MemoryChart[] {
  const perLayer = (data: VariantReport): number[] => data.layers.map((layer) => layer.kvBytes);
  return [
    memoryChart(report, "kv", "KV cache by layer", "bar", perLayer),
    memoryChart(report, "kv-sum", "KV cache of all layers up to this one", "line", cumulativeKv),
  ];
}

function memoryChart(
  report: Report,
  id: string,
  label: string,
  form: MemoryChart["form"],
  values: (data: VariantReport) => number[],
): MemoryChart {
  const all = variantsOf(report).map(({ name, data }) => ({ name, values: values(data) }));
  const unit = byteUnit(
    largest(
      all.flatMap((series) => series.values),
      0,
    ),
  );
  return {
    id,
    label,
    form,
    axis: unit.name,
    series: all.map((series) => ({
      variant: series.name,
      name: VARIANT_NAMES[series.name],
      values: series.values.map((value) => value / unit.size),
    })),
    texts: report.model.schedule.map((_, index) =>
      all.map((series) => `${VARIANT_NAMES[series.name]} ${bytes(series.values[index] ?? 0)}`),
    ),
  };
}
