import { VARIANTS, type Variant } from "../engine/engine.ts";
import type { Report, VariantReport } from "../protocol/report.ts";
import { CONFIDENCE, independentRatio, type TimeRatio } from "../profile/time-ratio.ts";
import { differences, type Difference } from "./differences.ts";
import { capital, percent, plural } from "../text/format.ts";
import { VARIANT_WORDS } from "./names.ts";
import { bound, ratioMeaning, ratioSign, ratioWords } from "./ratio.ts";
import { decodeOf, prefillOf, type Measured } from "./spread.ts";

/** Time to first token, time per output token, KV-cache bytes, peak memory. */
export const QUANTITIES = ["prefill", "decode", "kv", "peak"] as const;
export type Quantity = (typeof QUANTITIES)[number];

/**
 * What may be said of the report against its baseline. Times are `faster` or `slower` only where both were measured more than
 * once and the interval of their ratio, which counts what processes differ by, excludes 1; bytes that are counted are
 * `less`, `more` or the `same`.
 */
export type Verdict = "faster" | "slower" | "less" | "more" | "same" | "no significant difference" | "not comparable";

export interface ComparisonRow {
  readonly variant: Variant;
  readonly quantity: Quantity;
  /** Milliseconds or bytes. */
  readonly baseline: Measured;
  readonly report: Measured;
  /** The report over the baseline, of medians where no interval is known; undefined where the baseline's is 0. */
  readonly ratio: number | undefined;
  /** Of times that were measured more than once. */
  readonly interval?: TimeRatio;
  readonly verdict: Verdict;
  /** Why no difference can be claimed, where that is so. */
  readonly reason?: string;
}

export interface Comparison {
  readonly comparable: boolean;
  /** Why the reports are not comparable, a clause each; empty where they are. */
  readonly obstacles: readonly string[];
  readonly differences: readonly Difference[];
  /** Variants that are in both reports, each with the quantities that both have. */
  readonly rows: readonly ComparisonRow[];
  /** One sentence. */
  readonly headline: string;
}

/**
 * Holds a report against an earlier one. Reports are comparable when they did the same work: the same document and number of
 * tokens, the same model. Other devices, engines and settings may be compared, and are named.
 */
export function compareReports(baseline: Report, report: Report): Comparison {
  const found = differences(baseline, report);
  const both = VARIANTS.flatMap((name) => {
    const [before, after] = [baseline.variants[name], report.variants[name]];
    return before && after ? [{ name, before, after }] : [];
  });
  const obstacles = [
    ...found.filter(({ affects }) => affects === "work").map(({ what }) => `${what} ${verb(what)}`),
    ...(both.length === 0 ? ["they have no variant in common"] : []),
  ];
  const comparable = obstacles.length === 0;
  // Bytes on a GPU are the allocator's count; resident memory of a process is a measurement, made once.
  const counted = baseline.environment.gpu !== undefined && report.environment.gpu !== undefined;
  const rows = both.flatMap(({ name, before, after }) => {
    const [earlier, later] = [quantities(before), quantities(after)];
    return QUANTITIES.flatMap((quantity): ComparisonRow[] => {
      const [a, b] = [earlier[quantity], later[quantity]];
      if (a === undefined || b === undefined) return [];
      const judged: Judged = comparable
        ? judge(a, b, quantity === "kv" || (quantity === "peak" && counted) ? "count" : quantity)
        : { verdict: "not comparable" };
      const times = a.median > 0 ? b.median / a.median : undefined;
      return [{ variant: name, quantity, baseline: a, report: b, ratio: judged.interval?.ratio ?? times, ...judged }];
    });
  });
  return {
    comparable,
    obstacles,
    differences: found,
    rows,
    headline: [headline(obstacles, found, rows), ...partialClauses(baseline, report)].join(" "),
  };
}

/** A comparison with less than all rounds is one, but its reader must know. */
function partialClauses(baseline: Report, report: Report): string[] {
  return [
    ...(report.partial === undefined ? [] : ["This report is partial."]),
    ...(baseline.partial === undefined ? [] : ["The baseline is partial."]),
  ];
}

function verb(what: string): string {
  return what.endsWith("s") ? "differ" : "differs";
}

function quantities(variant: VariantReport): Record<Quantity, Measured | undefined> {
  const once = (value: number): Measured => ({
    median: value,
    min: value,
    max: value,
    samples: 1,
    values: [],
  });
  return {
    prefill: prefillOf(variant),
    decode: decodeOf(variant),
    kv: once(variant.totals.kvBytes),
    peak: variant.totals.peakBytes === undefined ? undefined : once(variant.totals.peakBytes),
  };
}

type Judged = Pick<ComparisonRow, "verdict" | "reason" | "interval">;

function judge(a: Measured, b: Measured, what: "count" | Quantity): Judged {
  const lower = b.median < a.median;
  if (what === "count") return { verdict: a.median === b.median ? "same" : lower ? "less" : "more" };
  if (what === "peak" || what === "kv") {
    if (a.median === b.median) return { verdict: "same" };
    return { verdict: "no significant difference", reason: "measured once, spread unknown" };
  }
  const interval = independentRatio(b.values, a.values, what);
  if (interval === undefined) {
    return { verdict: "no significant difference", reason: "measured once, spread unknown" };
  }
  const sign = ratioSign(interval);
  if (sign === 0) return { verdict: "no significant difference", reason: ratioMeaning(interval), interval };
  return { verdict: sign === 1 ? "faster" : "slower", interval };
}

function headline(obstacles: readonly string[], found: readonly Difference[], rows: readonly ComparisonRow[]): string {
  if (obstacles.length > 0) return `Cannot compare these reports: ${list(obstacles)}.`;
  const conditions = found.filter(({ affects }) => affects === "times").map(({ what }) => what);
  const others = conditions.length === 0 ? "" : `; different: ${conditions.join(", ")}`;
  const subject = rows[0]!.variant;
  const changed = rows.filter(({ verdict }) => ["faster", "slower", "less", "more"].includes(verdict));
  const clauses = changed.filter(({ variant }) => variant === subject).map(clause);
  const rest = changed.length - clauses.length;
  if (clauses.length === 0 && rest === 0) {
    const once = rows.some(({ quantity, reason }) => quantity === "prefill" && reason?.startsWith("measured once"));
    const why = once ? ": times were measured once, spread unknown" : bounds(rows, subject);
    return `No significant difference${why}${others}.`;
  }
  const name = capital(VARIANT_WORDS[subject]);
  const said =
    clauses.length === 0
      ? `No significant difference for ${VARIANT_WORDS[subject]}`
      : `${name} ${list(clauses)} than in the baseline`;
  const more =
    rest === 0 ? "" : `; ${plural(rest, "figure")} of other variants ${rest === 1 ? "differs" : "differ"} too`;
  return `${said}${more}${others}.`;
}

/** " in HySparse: at most 9 % (prefill), 8 % (decode)". */
function bounds(rows: readonly ComparisonRow[], subject: Variant): string {
  const known = rows.flatMap(({ variant, quantity, interval }) =>
    variant === subject && interval ? [`${bound(interval)} (${quantity})`] : [],
  );
  return known.length === 0 ? "" : ` in ${VARIANT_WORDS[subject]}: at most ${known.join(", ")}`;
}

/** "prefills 1.30x faster (95 % CI 1.21x to 1.39x)", "uses 50 % less KV memory". */
function clause({ quantity, baseline, report, interval }: ComparisonRow): string {
  if (interval) return `${quantity}s ${ratioWords(interval, CONFIDENCE)}`;
  const lower = report.median < baseline.median;
  const [small, large] = lower ? [report.median, baseline.median] : [baseline.median, report.median];
  const first = lower ? large : small;
  const much = first > 0 ? `${percent((large - small) / first)} ` : "";
  return `uses ${much}${lower ? "less" : "more"} ${quantity === "kv" ? "KV" : "peak"} memory`;
}

/** "a", "a and b", "a, b and c". */
function list(items: readonly string[]): string {
  const last = items.at(-1) ?? "";
  return items.length < 2 ? last : `${items.slice(0, -1).join(", ")} and ${last}`;
}
