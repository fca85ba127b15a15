import type { Variant } from "../engine/engine.ts";
import type { RatioReport, Report, SweepPoint } from "../protocol/report.ts";
import { subjectOf } from "../profile/subject.ts";
import { variantsOf } from "./breakdown.ts";
import { capital, count } from "./format.ts";
import { VARIANT_WORDS, type PhaseName } from "./names.ts";
import { ratioOf, ratioSign } from "./ratio.ts";
import { measured, overlap, spreadKnown, type Measured } from "./spread.ts";

/**
 * Where the report's subject (HySparse where it was run) becomes faster than another variant, by a sweep. Faster means: the interval of the ratio, from the rounds at
 * that length, lies below 1 (in reports up to 0.4.0: the ranges of the samples do not overlap).
 * - `everywhere`: at every length measured
 * - `nowhere`: at none
 * - `between`: slower up to `between[0]`, faster from `between[1]` on
 * - `from`: faster from `between[1]` on, where up to `between[0]` no difference was measured
 * - `mixed`: it changes more than once
 * - `unknown`: every length was measured once, so the spread is unknown
 */
export interface Crossover {
  readonly subject: Variant;
  readonly rival: Variant;
  readonly phase: PhaseName;
  readonly kind: "everywhere" | "nowhere" | "between" | "from" | "mixed" | "unknown";
  /** Lengths at which both were measured, ascending; at least two. */
  readonly lengths: readonly number[];
  readonly between?: readonly [number, number];
  /**
   * Where the times are equal, by linear interpolation of the logarithm of their ratio in the logarithm of the length
   * between neighbouring lengths; only for `between`. It is an estimate: `between` is what was measured.
   */
  readonly tokens?: number;
  /** "at every length measured (1,024 to 8,192 tokens)", to follow "faster". */
  readonly where: string;
  /** A whole sentence. */
  readonly text: string;
}

interface Pair {
  readonly tokens: number;
  readonly own: Measured;
  readonly rival: Measured;
  readonly ratio: RatioReport | undefined;
}

/** For each other variant and phase that a sweep measured at two lengths or more; empty without one or with one variant. */
export function crossovers(report: Report): Crossover[] {
  const points = report.sweep?.points ?? [];
  const variants = variantsOf(report).map(({ name }) => name);
  const subject = subjectOf(variants);
  if (subject === undefined) return [];
  const rivals = variants.filter((name) => name !== subject);
  return rivals.flatMap((rival) =>
    (["prefill", "decode"] as const).flatMap((phase) => {
      const pairs = points.flatMap((point): Pair[] => {
        const own = timeOf(point, subject, phase);
        const other = timeOf(point, rival, phase);
        const ratio = ratioOf(point.ratios, subject, rival, phase);
        return own && other ? [{ tokens: point.tokens, own, rival: other, ratio }] : [];
      });
      return pairs.length < 2 ? [] : [described({ subject, rival, phase }, pairs)];
    }),
  );
}

/** A variant's time at a point of a sweep. */
export function timeOf({ variants }: SweepPoint, variant: Variant, phase: PhaseName): Measured | undefined {
  const of = variants[variant];
  if (of === undefined) return undefined;
  if (phase === "prefill") return measured(of.prefillMs, of.prefillSamples);
  return of.timePerOutputTokenMs === undefined
    ? undefined
    : measured(of.timePerOutputTokenMs, of.timePerOutputTokenSamples);
}

/** 1 where the subject is faster, -1 where it is slower, 0 where no difference was measured. */
function sign({ own, rival, ratio }: Pair): number {
  if (ratio !== undefined) return ratioSign(ratio);
  return overlap(own, rival) ? 0 : own.median < rival.median ? 1 : -1;
}

type Found = Pick<Crossover, "kind" | "between" | "tokens">;

function find(pairs: readonly Pair[]): Found {
  if (!pairs.some(({ own, rival, ratio }) => ratio !== undefined || spreadKnown(own, rival)))
    return { kind: "unknown" };
  const signs = pairs.map(sign);
  if (signs.every((value) => value === 1)) return { kind: "everywhere" };
  if (!signs.includes(1)) return { kind: "nowhere" };
  const first = signs.indexOf(1);
  if (signs.slice(first).some((value) => value !== 1)) return { kind: "mixed" };
  const slower = signs.lastIndexOf(-1);
  const to = pairs[first]!.tokens;
  if (slower === -1) return { kind: "from", between: [pairs[first - 1]!.tokens, to] };
  const tokens = interpolated(pairs.slice(slower, first + 1));
  return { kind: "between", between: [pairs[slower]!.tokens, to], tokens };
}

/** The last place where the times cross; the first pair's own is above its rival's and the last pair's below. */
function interpolated(pairs: readonly Pair[]): number {
  const height = ({ own, rival, ratio }: Pair): number => Math.log(ratio?.ratio ?? own.median / rival.median);
  const i = pairs.findLastIndex((pair) => height(pair) >= 0);
  const [a, b] = [pairs[i]!, pairs[i + 1]!];
  const share = height(a) / (height(a) - height(b));
  return Math.exp(Math.log(a.tokens) + share * Math.log(b.tokens / a.tokens));
}

type Question = Pick<Crossover, "subject" | "rival" | "phase">;

function described(question: Question, pairs: readonly Pair[]): Crossover {
  const found = find(pairs);
  const lengths = pairs.map(({ tokens }) => tokens);
  const where = place(found, pairs);
  return { ...question, lengths, ...found, where, text: sentence(question, found, where) };
}

function place({ kind, between, tokens }: Found, pairs: readonly Pair[]): string {
  const [least, most] = [count(pairs[0]!.tokens), count(pairs.at(-1)!.tokens)];
  switch (kind) {
    case "everywhere":
      return `at every length measured (${least} to ${most} tokens)`;
    case "nowhere":
      return `at no length measured (${least} to ${most} tokens)`;
    case "between":
      return `from about ${about(tokens!, between!)} tokens on (it crosses between ${count(between![0])} and ${count(between![1])})`;
    case "from":
      return `from ${count(between![1])} tokens on (no difference was measured up to ${count(between![0])})`;
    case "mixed": {
      const faster = pairs.filter((pair) => sign(pair) === 1).map((pair) => count(pair.tokens));
      return `only at ${faster.join(", ")} tokens, of ${pairs.length} lengths from ${least} to ${most}`;
    }
    case "unknown":
      return "cannot be said";
  }
}

function sentence({ subject, rival, phase }: Question, { kind, between, tokens }: Found, where: string): string {
  const [own, other] = [VARIANT_WORDS[subject], VARIANT_WORDS[rival]];
  const what = phase === "prefill" ? "prefill" : "decoding";
  if (kind === "unknown") {
    return `Where ${own}'s ${what} becomes faster than that of ${other} cannot be said: each length was measured once.`;
  }
  if (kind === "between") {
    const [low, high] = between!;
    return (
      `Below about ${about(tokens!, between!)} tokens the ${what} of ${other} is faster, above it that of ${own} ` +
      `(it crosses between ${count(low)} and ${count(high)}).`
    );
  }
  return `${capital(own)}'s ${what} is faster than that of ${other} ${where}.`;
}

/** Two digits, or as many more as it takes to stay between the lengths that were measured. */
function about(tokens: number, [low, high]: readonly [number, number]): string {
  for (const digits of [2, 3, 4, 5, 6]) {
    const rounded = Number(tokens.toPrecision(digits));
    if (rounded > low && rounded < high) return count(rounded);
  }
  return count(tokens);
}
