import { CONFIDENCE } from "../profile/time-ratio.ts";
import type { Comparison, ComparisonRow, Quantity } from "./compare.ts";
import { bytes, count, duration, significant } from "../text/format.ts";
import { VARIANT_NAMES } from "./names.ts";
import { confidenceWords } from "./ratio.ts";
import type { Measured } from "./spread.ts";
import type { Table } from "./tables.ts";

export const QUANTITY_NAMES: Readonly<Record<Quantity, string>> = {
  prefill: "Time to first token",
  decode: "Time per output token",
  kv: "KV cache",
  peak: "Peak memory",
};

/** Every row of a comparison with both medians and ranges, the ratio with its interval, and what may be said of it. */
export function comparisonTable({ rows }: Comparison): Table {
  return {
    columns: [
      { title: "Variant", numeric: false },
      { title: "Quantity", numeric: false },
      { title: "Baseline", numeric: true },
      { title: "min - max", numeric: true },
      { title: "This report", numeric: true },
      { title: "min - max", numeric: true },
      { title: "This /\nbaseline", numeric: true },
      { title: `${confidenceWords(CONFIDENCE)} CI`, numeric: true },
      { title: "Verdict", numeric: false },
    ],
    rows: rows.map((row) => [
      VARIANT_NAMES[row.variant],
      QUANTITY_NAMES[row.quantity],
      ...figures(row.quantity, row.baseline),
      ...figures(row.quantity, row.report),
      row.ratio === undefined ? "-" : significant(row.ratio),
      row.interval === undefined ? "-" : `${significant(row.interval.low)} - ${significant(row.interval.high)}`,
      verdictText(row),
    ]),
  };
}

/** "faster", "no difference larger than 9 %", "no difference measured: measured once, so the spread is unknown". */
export function verdictText({ verdict, reason, interval }: ComparisonRow): string {
  if (reason === undefined) return verdict;
  return interval ? reason : `${verdict}: ${reason}`;
}

/** What is not alike in the two reports. */
export function differencesTable({ differences }: Comparison): Table {
  const effects = { work: "different work", times: "different conditions", none: "no effect on these figures" };
  return {
    columns: [
      { title: "Different", numeric: false },
      { title: "Baseline", numeric: false },
      { title: "This report", numeric: false },
      { title: "Effect", numeric: false },
    ],
    rows: differences.map(({ what, baseline, report, affects }) => [what, baseline, report, effects[affects]]),
  };
}

function figures(quantity: Quantity, { median, min, max, samples }: Measured): [string, string] {
  if (quantity === "kv" || quantity === "peak") return [bytes(median), "-"];
  return [duration(median), samples > 1 ? `${duration(min)} - ${duration(max)}` : `${count(samples)} sample`];
}
