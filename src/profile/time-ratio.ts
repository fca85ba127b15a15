import { mean, sum } from "simple-statistics";
import { BETWEEN_PROCESSES, BETWEEN_RUNNERS, type KnownSpread } from "./known-spread.ts";
import { studentT } from "./student-t.ts";

/** How sure every interval of a ratio is. */
export const CONFIDENCE = 0.95;

/**
 * The level at which intervals are computed so that they hold the truth in 95 of 100 profiles. The rounds of a profile
 * end when the interval is narrow, which favours samples that happen to look calm: at 95 % and with many looks up to one
 * in ten intervals would miss (test/unit/profile/false-claims.test.ts simulates it).
 */
const LEVEL = 0.98;

/** The two-sided normal quantile of LEVEL, for spreads that are known and not estimated. */
const Z = 2.326;

/** Of every so many rounds one is left out at either end: a round that a busy machine spoiled decides nothing. */
const TRIM_OF = 5;
/** Fewer rounds than this are too few to leave any out. */
const LEAST_TO_TRIM = 6;

/** Fewer samples than this have no spread. */
const LEAST = 2;

/** How many times as long one thing takes as another, with its interval. */
export interface TimeRatio {
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
}

/**
 * The interval's width is also known without what widens it: only rounds that are added can make that part narrower.
 */
export interface RoundsRatio extends TimeRatio {
  /** high - low, from the rounds alone. */
  readonly width: number;
  /** Standard error of the ratio's logarithm, from the rounds alone. */
  readonly error: number;
}

/**
 * The ratio of two runners' times from interleaved rounds: `a[i]` and `b[i]` (milliseconds) were measured in round i. It is
 * the trimmed mean of the rounds' log ratios with a t-interval after Tukey and McLaughlin, widened by what one
 * process cannot show. Undefined with fewer than two rounds, or a time that is zero.
 */
export function pairedRatio(
  a: readonly number[],
  b: readonly number[],
  phase: keyof KnownSpread,
): RoundsRatio | undefined {
  if (a.length !== b.length) throw new Error(`${a.length} rounds cannot be paired with ${b.length}`);
  if (!usable(a) || !usable(b)) return undefined;
  const logs = trimmed(a.map((time, i) => Math.log(time / b[i]!)));
  const reach = studentT(logs.freedom, LEVEL) * logs.error;
  const { mean: centre } = logs;
  return {
    ...around(centre, Math.hypot(reach, Z * BETWEEN_RUNNERS[phase])),
    width: Math.exp(centre + reach) - Math.exp(centre - reach),
    error: logs.error,
  };
}

/**
 * The ratio of the times of two processes, which share no rounds: the difference of the trimmed means of the logarithms
 * with Yuen's interval, widened by what times differ by from process to process. Undefined where either was measured once.
 */
export function independentRatio(
  a: readonly number[],
  b: readonly number[],
  phase: keyof KnownSpread,
): TimeRatio | undefined {
  if (!usable(a) || !usable(b)) return undefined;
  const [own, other] = [trimmed(a.map(Math.log)), trimmed(b.map(Math.log))];
  const error = Math.hypot(own.error, other.error);
  // Welch and Satterthwaite's degrees of freedom; without any spread every number is right.
  const freedom = error === 0 ? 1 : error ** 4 / (own.error ** 4 / own.freedom + other.error ** 4 / other.freedom);
  const reach = studentT(freedom, LEVEL) * error;
  return around(own.mean - other.mean, Math.hypot(reach, Z * Math.SQRT2 * BETWEEN_PROCESSES[phase]));
}

/** Whether a difference may be claimed. */
export function excludesOne({ low, high }: TimeRatio): boolean {
  return low > 1 || high < 1;
}

function usable(times: readonly number[]): boolean {
  return times.length >= LEAST && times.every((time) => time > 0);
}

function around(centre: number, reach: number): TimeRatio {
  return { ratio: Math.exp(centre), low: Math.exp(centre - reach), high: Math.exp(centre + reach) };
}

interface Trimmed {
  readonly mean: number;
  /** Standard error, from the winsorized squares. */
  readonly error: number;
  readonly freedom: number;
}

function trimmed(values: readonly number[]): Trimmed {
  const sorted = [...values].sort((a, b) => a - b);
  const cut = sorted.length < LEAST_TO_TRIM ? 0 : Math.floor(sorted.length / TRIM_OF);
  const kept = sorted.slice(cut, sorted.length - cut);
  const [least, most] = [kept[0]!, kept.at(-1)!];
  const winsorized = sorted.map((value) => Math.min(most, Math.max(least, value)));
  const middle = mean(winsorized);
  const squares = sum(winsorized.map((value) => (value - middle) ** 2));
  const freedom = kept.length - 1;
  return { mean: mean(kept), error: Math.sqrt(squares / (kept.length * freedom)), freedom };
}
