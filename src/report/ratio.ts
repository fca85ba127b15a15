import type { Variant } from "../engine/engine.ts";
import type { RatioReport, Report } from "../protocol/report.ts";
import { excludesOne, type TimeRatio } from "../profile/time-ratio.ts";
import { count, plural } from "./format.ts";
import type { PhaseName } from "./names.ts";

/** The ratio of two variants in a report; undefined in reports that kept none. */
export function ratioOf(
  pairs: readonly RatioReport[] | undefined,
  subject: Variant,
  other: Variant,
  phase: PhaseName,
): RatioReport | undefined {
  return pairs?.find((pair) => pair.subject === subject && pair.other === other && pair.phase === phase);
}

/** What may be said of one thing's time over another's: 1 where it is faster, -1 where slower, 0 where neither is known. */
export function ratioSign(ratio: TimeRatio): 1 | 0 | -1 {
  if (!excludesOne(ratio)) return 0;
  return ratio.high < 1 ? 1 : -1;
}

/** "1.17x slower (95 % interval 1.12x to 1.23x; MORE)", or "no difference larger than 4 % (MORE)". */
export function ratioWords(ratio: TimeRatio, confidence: number, more?: string): string {
  const sign = ratioSign(ratio);
  if (sign === 0) return `${ratioMeaning(ratio)}${more === undefined ? "" : ` (${more})`}`;
  const times = sign === 1 ? inverse(ratio) : ratio;
  const interval = `${confidenceWords(confidence)} interval ${intervalWords(times)}`;
  return `${factor(times.ratio)} ${ratioMeaning(ratio)} (${interval}${more === undefined ? "" : `; ${more}`})`;
}

function inverse({ low, ratio, high }: TimeRatio): TimeRatio {
  return { low: 1 / high, ratio: 1 / ratio, high: 1 / low };
}

/** "faster", "slower", "no difference larger than 4 %". */
export function ratioMeaning(ratio: TimeRatio): string {
  const sign = ratioSign(ratio);
  if (sign === 0) return `no difference larger than ${bound(ratio)}`;
  return sign === 1 ? "faster" : "slower";
}

/** The largest difference that is not excluded, the further end of the interval rounded up: "4 %", "2.31x". */
export function bound({ low, high }: TimeRatio): string {
  const most = Math.max(high, 1 / low) - 1;
  if (most >= 1) return factor(most + 1);
  // A hair less before rounding up, so that 4 % is not called 5 % for the last digit of a binary fraction.
  const up = (value: number): number => Math.ceil(value - 1e-9);
  return most < 0.01 ? `${(up(1000 * most) / 10).toFixed(1)} %` : `${up(100 * most)} %`;
}

/** "95 %". */
export function confidenceWords(confidence: number): string {
  return `${count(100 * confidence)} %`;
}

/** How many times: 1.17x, 12.6x, 130x; a third decimal where two would say 1.00x. */
export function factor(value: number): string {
  if (value >= 99.95) return `${count(value)}x`;
  if (value >= 9.995) return `${value.toFixed(1)}x`;
  return `${value.toFixed(Math.abs(value - 1) < 0.005 && value !== 1 ? 3 : 2)}x`;
}

/** "1.12x to 1.23x". */
export function intervalWords({ low, high }: TimeRatio): string {
  return `${factor(low)} to ${factor(high)}`;
}

/** "6 rounds", "6 rounds of prefill and 24 of decode", "one round". */
export function roundsWords(report: Report): string {
  const [prefill, decode] = [roundsOf(report, "prefill"), roundsOf(report, "decode")];
  if (decode === 0 || decode === prefill) return prefill === 1 ? "one round" : `${count(prefill)} rounds`;
  return `${plural(prefill, "round")} of prefill and ${count(decode)} of decode`;
}

/** Rounds of a phase that a report holds. */
function roundsOf({ variants }: Report, phase: PhaseName): number {
  const counts = Object.values(variants).map(({ totals }) =>
    phase === "prefill" ? totals.prefillSamples.length : (totals.timePerOutputTokenSamples?.length ?? 0),
  );
  return Math.max(0, ...counts);
}
