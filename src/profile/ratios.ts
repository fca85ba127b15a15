import type { Variant } from "../engine/engine.ts";
import { BETWEEN_RUNNERS } from "./known-spread.ts";
import type { RatioReport } from "../protocol/report.ts";
import { subjectOf } from "./subject.ts";
import { pairedRatio } from "./time-ratio.ts";
import type { Runs } from "./timed-rounds.ts";

/** The subject's time over each other variant's, in both phases; empty where there was one round, or one variant. */
export function ratiosOf(runs: Runs<Variant>): RatioReport[] {
  const subject = subjectOf([...runs.keys()]);
  const own = subject && runs.get(subject);
  if (!own) return [];
  return [...runs].flatMap(([other, theirs]) =>
    other === subject
      ? []
      : (["prefill", "decode"] as const).flatMap((phase): RatioReport[] => {
          const list = phase === "prefill" ? "prefills" : "decodes";
          const [a, b] = [own[list].map(({ ms }) => ms), theirs[list].map(({ ms }) => ms)];
          const found = pairedRatio(a, b, phase);
          if (found === undefined) return [];
          const { ratio, low, high } = found;
          return [{ phase, subject, other, ratio, low, high, rounds: a.length }];
        }),
  );
}

const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;

/** How ratios and intervals were made, for the report. */
export const RATIO_METHOD =
  "Sample i of each variant is of round i; every round runs all variants, in rotated order (on a CPU a few layers of each " +
  "prefill by turns, where memory holds all contexts). A ratio is the mean of the rounds' log ratios, from six rounds on " +
  "without the highest and lowest fifth; its interval is Tukey and McLaughlin's t-interval, computed at 98 % because rounds end " +
  "when it is narrow, and widened by what such a ratio differs by from process to process on a shared machine (standard " +
  `deviation ${percent(BETWEEN_RUNNERS.prefill)} in prefill, ` +
  `${percent(BETWEEN_RUNNERS.decode)} in decode). A difference is claimed where the interval excludes 1. Each interval ` +
  "stands for itself: nothing is corrected for several of them.";
