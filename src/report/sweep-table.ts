import type { Report } from "../protocol/report.ts";
import { hasDecode, variantsOf } from "./breakdown.ts";
import { timeOf } from "./crossover.ts";
import { bytes, count, duration, plural } from "./format.ts";
import type { Growth } from "./growth.ts";
import { VARIANT_NAMES, VARIANT_SHORT, type PhaseName } from "./names.ts";
import { factor, intervalWords, ratioOf } from "./ratio.ts";
import type { Table } from "./tables.ts";

const NONE = "-";

/** Phases that a sweep timed; empty without one. */
export function sweepPhases(report: Report): PhaseName[] {
  if (report.sweep === undefined) return [];
  return hasDecode(report) ? ["prefill", "decode"] : ["prefill"];
}

/** One row per length: every variant's time with its range. */
export function sweepTimes(report: Report, phase: PhaseName): Table {
  const variants = variantsOf(report).map(({ name }) => name);
  return {
    columns: [
      { title: "Tokens", numeric: true },
      ...variants.flatMap((name) => [
        { title: VARIANT_SHORT[name], numeric: true },
        { title: "min - max", numeric: true },
      ]),
    ],
    rows: (report.sweep?.points ?? []).map((point) => [
      count(point.tokens),
      ...variants.flatMap((name) => {
        const time = timeOf(point, name, phase);
        if (time === undefined) return [NONE, NONE];
        return [duration(time.median), time.samples > 1 ? `${duration(time.min)} - ${duration(time.max)}` : NONE];
      }),
    ]),
  };
}

/** One row per length: HySparse's time over each other variant's, with its interval; undefined where none was kept. */
export function sweepRatios(report: Report, phase: PhaseName): Table | undefined {
  const points = report.sweep?.points ?? [];
  const [subject] = points.flatMap(({ ratios }) => ratios?.map((pair) => pair.subject) ?? []);
  if (subject === undefined) return undefined;
  const others = variantsOf(report)
    .map(({ name }) => name)
    .filter((name) => name !== subject);
  return {
    columns: [
      { title: "Tokens", numeric: true },
      ...others.flatMap((name) => [
        { title: `${VARIANT_SHORT[subject]} /\n${VARIANT_SHORT[name]}`, numeric: true },
        { title: "interval", numeric: true },
        { title: "rounds", numeric: true },
      ]),
    ],
    rows: points.map(({ tokens, ratios }) => [
      count(tokens),
      ...others.flatMap((name) => {
        const ratio = ratioOf(ratios, subject, name, phase);
        return ratio === undefined
          ? [NONE, NONE, NONE]
          : [factor(ratio.ratio), intervalWords(ratio), count(ratio.rounds)];
      }),
    ]),
  };
}

/** One row per length: KV bytes of every variant, as allocated. */
export function sweepKv(report: Report): Table {
  const variants = variantsOf(report).map(({ name }) => name);
  return {
    columns: [
      { title: "Tokens", numeric: true },
      ...variants.map((name) => ({ title: VARIANT_SHORT[name], numeric: true })),
    ],
    rows: (report.sweep?.points ?? []).map(({ tokens, variants: of }) => [
      count(tokens),
      ...variants.map((name) => {
        const point = of[name];
        return point === undefined ? NONE : bytes(point.kvBytes);
      }),
    ]),
  };
}

/** What must be known of single lengths: left out and why, or longer than the document. */
export function sweepNotes(report: Report): string[] {
  const points = report.sweep?.points ?? [];
  const repeated = points.filter((point) => point.repeated && point.skipped === undefined);
  return [
    ...points.flatMap(({ tokens, skipped }) =>
      skipped === undefined ? [] : [`${plural(tokens, "token")}: not run, ${skipped.replace(/\.$/, "")}.`],
    ),
    ...(repeated.length === 0
      ? []
      : [
          `Longer than the document, so that its tokens were repeated: ${repeated.map(({ tokens }) => count(tokens)).join(", ")}.`,
        ]),
  ];
}

/** KV memory of 1,000 tokens more, and where the device is full. */
export function growthTable({ rows }: Growth): Table {
  return {
    columns: [
      { title: "Variant", numeric: false },
      { title: "KV cache of 1,000 tokens more", numeric: true },
      { title: "Memory is full at", numeric: true },
    ],
    rows: rows.map(({ variant, bytesPerThousand, fullAt }) => [
      VARIANT_NAMES[variant],
      bytes(bytesPerThousand),
      fullAt ?? "unknown",
    ]),
  };
}
