import type { Variant } from "../../engine/engine.ts";
import type { Report, SweepPoint } from "../../profile/report.ts";
import { variantsOf } from "../breakdown.ts";
import { timeOf } from "../crossover.ts";
import { bytes, byteUnit, count, duration } from "../format.ts";
import { PHASE_NAMES, VARIANT_NAMES } from "../names.ts";
import { sweepPhases } from "../sweep-table.ts";
import { largest } from "../../profile/extremes.ts";

/** A quantity against context length, one line per variant, both axes logarithmic: values and the text of each point. */
export interface CurveChart {
  readonly id: string;
  readonly caption: string;
  readonly label: string;
  readonly axis: string;
  /** Lengths that were run, ascending. */
  readonly tokens: readonly number[];
  readonly titles: readonly string[];
  readonly series: readonly {
    readonly variant: Variant;
    readonly name: string;
    /** In the axis's unit; null where it was not measured. */
    readonly values: readonly (number | null)[];
  }[];
  readonly texts: readonly (readonly string[])[];
}

/** The charts of a sweep that ran at two lengths or more; none otherwise. */
export function curves(report: Report): CurveChart[] {
  const points = (report.sweep?.points ?? []).filter(({ skipped }) => skipped === undefined);
  if (points.length < 2) return [];
  const times = sweepPhases(report).map((phase) =>
    curve(report, points, `length-${phase}`, `${PHASE_NAMES[phase]} time by context length`, (point, variant) => {
      const time = timeOf(point, variant, phase);
      return time && { value: time.median, text: duration(time.median) };
    }),
  );
  const unit = byteUnit(
    largest(points.flatMap(({ variants }) => Object.values(variants).map(({ kvBytes }) => kvBytes))),
  );
  const kv = curve(
    report,
    points,
    "length-kv",
    "KV cache by context length",
    ({ variants }, variant) => {
      const of = variants[variant];
      return of && { value: of.kvBytes / unit.size, text: bytes(of.kvBytes) };
    },
    unit.name,
  );
  return [...times, kv];
}

function curve(
  report: Report,
  points: readonly SweepPoint[],
  id: string,
  caption: string,
  of: (point: SweepPoint, variant: Variant) => { readonly value: number; readonly text: string } | undefined,
  axis = "ms",
): CurveChart {
  const variants = variantsOf(report).map(({ name }) => name);
  return {
    id,
    caption,
    label: caption,
    axis,
    tokens: points.map(({ tokens }) => tokens),
    titles: points.map(({ tokens, repeated }) => `${count(tokens)} tokens${repeated ? ", document repeated" : ""}`),
    series: variants.map((variant) => ({
      variant,
      name: VARIANT_NAMES[variant],
      values: points.map((point) => of(point, variant)?.value ?? null),
    })),
    texts: points.map((point) =>
      variants.map((variant) => `${VARIANT_NAMES[variant]} ${of(point, variant)?.text ?? "not measured"}`),
    ),
  };
}
