import { median } from "simple-statistics";
import { ATTEND_PARTS, STAGES, type Stage, type Variant } from "../engine/engine.ts";
import type { LayerReport, Report } from "../protocol/report.ts";

/**
 * A layer may take so many times as long as the fastest of its equals before it counts as slow. In a profile of three rounds
 * on two cores that other programs used too, attention of equal layers differed by up to 1.5 (each by its fastest round), on quiet
 * machines by 1.25; the fault that this check was made for (subnormal numbers on Intel processors) made them differ 4.5 to 14 times.
 */
export const LARGEST_FACTOR = 1.5;

/** Share of a phase's time that slow layers must have cost before it is worth a warning: short stages jitter by more. */
export const SMALLEST_SHARE = 0.1;

/** Stages that follow each other; those nested in `attend` are judged as one. */
const WHOLE_STAGES = STAGES.filter((stage) => !ATTEND_PARTS.some((part) => part === stage));

const PHASES = ["prefill", "decode"] as const;
type Phase = (typeof PHASES)[number];

/**
 * One sentence for each variant, phase and stage in which layers took more than LARGEST_FACTOR times as long as the fastest of
 * those that do the same work (same kind, same parts, same number of tokens) and lost SMALLEST_SHARE of the phase by it. Each layer counts by its fastest round, which other
 * programs on the machine can only have slowed.
 */
export function unequalLayers(variants: Report["variants"]): string[] {
  return (Object.entries(variants) as [Variant, { layers: LayerReport[] }][]).flatMap(([name, { layers }]) =>
    PHASES.flatMap((phase) => WHOLE_STAGES.flatMap((stage) => judged(name, layers, phase, stage))),
  );
}

function judged(variant: Variant, layers: readonly LayerReport[], phase: Phase, stage: Stage): string[] {
  const whole = layers.reduce((sum, layer) => sum + (layer[phase]?.medianMs ?? 0), 0);
  const works = new Set(layers.map((layer) => workOf(layer, phase)));
  return [...works].flatMap((work) => {
    const group = layers.filter((layer) => workOf(layer, phase) === work);
    const times = group.flatMap((layer) => {
      const ms = layer[phase]?.stages[stage]?.minMs;
      return ms === undefined ? [] : [{ layer: layer.index, ms }];
    });
    const fastest = Math.min(...times.map(({ ms }) => ms));
    const slow = times.filter(({ ms }) => ms > LARGEST_FACTOR * fastest);
    const lost = slow.reduce((sum, { ms }) => sum + ms - fastest, 0);
    if (lost <= SMALLEST_SHARE * whole) return [];
    const reference = times.find(({ ms }) => ms === fastest);
    const typical = median(slow.map(({ ms }) => ms));
    return [
      `${variant}, ${phase}: ${stage} took ${(typical / fastest).toFixed(1)} times as long in ${named(slow.map(({ layer }) => layer))} ` +
        `as in layer ${reference?.layer ?? 0}, which does the same work (${digits(typical)} vs. ${digits(fastest)} ms, each layer's ` +
        "fastest round). Either this machine was busy or the time depends on the values: do not compare designs by this run.",
    ];
  });
}

/** Layers with the same text here do the same work in a phase. */
function workOf(layer: LayerReport, phase: Phase): string {
  return [layer.kind, ...Object.keys(layer[phase]?.stages ?? {}).sort()].join(" ");
}

/** "layer 3", "layers 1 to 3, 5 and 7 to 11". */
function named(layers: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const layer of layers) {
    const last = runs.at(-1);
    if (last !== undefined && layer === last[1] + 1) last[1] = layer;
    else runs.push([layer, layer]);
  }
  const parts = runs.flatMap(([from, to]) =>
    to - from < 2 ? [...new Set([from, to])].map(String) : [`${from} to ${to}`],
  );
  const list = parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1) ?? ""}`;
  return `layer${layers.length === 1 ? "" : "s"} ${list}`;
}

function digits(ms: number): string {
  return ms.toPrecision(3);
}
