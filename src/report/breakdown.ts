import { ATTEND_PARTS, STAGES, VARIANTS, type Stage, type Variant } from "../engine/engine.ts";
import type { PhaseReport, Report, VariantReport } from "../protocol/report.ts";
import type { PhaseName } from "./names.ts";

/** One slice of a layer's time; slices do not overlap, so they may be stacked and summed. */
export interface Slice {
  readonly ms: number;
  readonly floorMs: number;
}

export type Slices = Partial<Record<Stage, Slice>>;

/**
 * A phase's stages without overlap: `attend` holds its parts, so only what they leave of it stays under its name.
 * Slices are medians of their own: their sum need not be the layer's median exactly.
 */
export function slices(phase: PhaseReport): Slices {
  const result: Slices = {};
  let parts = 0;
  let partsFloor = 0;
  for (const name of ATTEND_PARTS) {
    const part = phase.stages[name];
    if (!part) continue;
    parts += part.medianMs;
    partsFloor += part.floorMs;
  }
  for (const name of STAGES) {
    const stage = phase.stages[name];
    if (!stage) continue;
    if (name !== "attend") {
      result[name] = { ms: stage.medianMs, floorMs: stage.floorMs };
      continue;
    }
    const rest = Math.max(0, stage.medianMs - parts);
    if (parts === 0 || rest > 0) result.attend = { ms: rest, floorMs: Math.max(0, stage.floorMs - partsFloor) };
  }
  return result;
}

/** The least time that a phase of a layer needs: the floors of its slices, one after another. */
export function floorOf(phase: PhaseReport): number {
  return sumOf(slices(phase)).floorMs;
}

/** Slices one after another. */
export function sumOf(of: Slices): Slice {
  const add = (a: Slice, b: Slice): Slice => ({ ms: a.ms + b.ms, floorMs: a.floorMs + b.floorMs });
  return Object.values(of).reduce(add, { ms: 0, floorMs: 0 });
}

/** Slices summed over all layers of a variant. */
export function stageTotals(variant: VariantReport, phase: PhaseName): Slices {
  const sums: Slices = {};
  for (const layer of variant.layers) {
    const measured = layer[phase];
    if (!measured) continue;
    for (const [name, slice] of Object.entries(slices(measured)) as [Stage, Slice][]) {
      const before = sums[name] ?? { ms: 0, floorMs: 0 };
      sums[name] = { ms: before.ms + slice.ms, floorMs: before.floorMs + slice.floorMs };
    }
  }
  return sums;
}

/** KV bytes of layers 0 .. i, for every i. */
export function cumulativeKv(variant: VariantReport): number[] {
  let sum = 0;
  return variant.layers.map((layer) => (sum += layer.kvBytes));
}

/** The variants a report holds, in the fixed order. */
export function variantsOf(report: Report): { readonly name: Variant; readonly data: VariantReport }[] {
  return VARIANTS.flatMap((name) => {
    const data = report.variants[name];
    return data ? [{ name, data }] : [];
  });
}

/** Stages that occur anywhere in a phase of the report, in the order of the pipeline. */
export function stagesIn(report: Report, phase: PhaseName): Stage[] {
  const seen = new Set(variantsOf(report).flatMap(({ data }) => Object.keys(stageTotals(data, phase))));
  return STAGES.filter((stage) => seen.has(stage));
}

/** Whether any token was decoded. */
export function hasDecode(report: Report): boolean {
  return variantsOf(report).some(({ data }) => data.layers.some((layer) => layer.decode));
}

/** KV heads of oracles that feed sparse layers: the most that a passage's `selectedBy` can be. */
export function selectingHeads(report: Report): number {
  const feeding = report.selection?.oracles.filter((oracle) => oracle.feeds.length > 0) ?? [];
  return feeding.length * report.model.architecture.kvHeads;
}
