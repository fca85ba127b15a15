import { RATIO_METHOD } from "../../../src/profile/ratios.ts";
import type { RatioReport, Report } from "../../../src/protocol/report.ts";
import { subjectOf } from "../../../src/profile/subject.ts";

type Interval = readonly [ratio: number, low: number, high: number];

/** The report with these ratios of its subject to every other variant it has, as rounds would have given them. */
export function withRatios(report: Report, prefill: Interval, decode?: Interval): Report {
  return {
    ...report,
    ratios: { method: RATIO_METHOD, confidence: 0.95, pairs: pairsOf(report, prefill, decode) },
  };
}

/** The same at one length of a sweep. */
export function withRatiosAt(report: Report, tokens: number, prefill: Interval, decode?: Interval): Report {
  const changed = structuredClone(report);
  changed.sweep!.points.find((point) => point.tokens === tokens)!.ratios = pairsOf(report, prefill, decode);
  return changed;
}

function pairsOf({ settings }: Report, prefill: Interval, decode?: Interval): RatioReport[] {
  const subject = subjectOf(settings.variants)!;
  return settings.variants.flatMap((other) =>
    other === subject
      ? []
      : (["prefill", "decode"] as const).flatMap((phase): RatioReport[] => {
          const of = phase === "prefill" ? prefill : decode;
          if (of === undefined) return [];
          const [ratio, low, high] = of;
          return [{ phase, subject, other, ratio, low, high, rounds: phase === "prefill" ? 6 : 24 }];
        }),
  );
}
