import type { VariantReport } from "../protocol/report.ts";
import { largest, least } from "../profile/extremes.ts";

/** A measured quantity with its spread. */
export interface Measured {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly samples: number;
  /** One per round, in order; empty of what is counted. */
  readonly values: readonly number[];
}

/** Whether the two ranges have a value in common: the rule of reports up to 0.4.0, which keep no ratios. */
export function overlap(a: Measured, b: Measured): boolean {
  return a.min <= b.max && b.min <= a.max;
}

/** Whether both were measured more than once, so that their ranges say anything. */
export function spreadKnown(a: Measured, b: Measured): boolean {
  return Math.min(a.samples, b.samples) > 1;
}

export function prefillOf({ totals }: VariantReport): Measured {
  return {
    median: totals.prefillMs,
    min: totals.prefillMinMs,
    max: totals.prefillMaxMs,
    samples: totals.prefillSamples.length,
    values: totals.prefillSamples,
  };
}

/** Time per output token; undefined when none was decoded. */
export function decodeOf({ totals }: VariantReport): Measured | undefined {
  const median = totals.timePerOutputTokenMs;
  if (median === undefined) return undefined;
  return {
    median,
    min: totals.timePerOutputTokenMinMs ?? median,
    max: totals.timePerOutputTokenMaxMs ?? median,
    samples: totals.timePerOutputTokenSamples?.length ?? 1,
    values: totals.timePerOutputTokenSamples ?? [],
  };
}

/** A median with the samples it came from. */
export function measured(median: number, samples: readonly number[] = []): Measured {
  return {
    median,
    min: least(samples, median),
    max: largest(samples, median),
    samples: Math.max(1, samples.length),
    values: samples,
  };
}
