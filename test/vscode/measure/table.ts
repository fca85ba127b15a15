import { quantileSorted } from "simple-statistics";

/** One line of the table: what was measured, and its samples in milliseconds. */
export interface Row {
  readonly what: string;
  readonly samples: readonly number[];
  /** What the issue asks for, in words. */
  readonly asked?: string;
}

/** A Markdown table of medians, 95th percentiles and highest values. */
export function tableOf(rows: readonly Row[]): string {
  const lines = rows.map(({ what, samples, asked }) => {
    const sorted = [...samples].sort((a, b) => a - b);
    const at = (share: number): string => quantileSorted(sorted, share).toFixed(1);
    return `| ${what} | ${samples.length} | ${at(0.5)} | ${at(0.95)} | ${sorted.at(-1)!.toFixed(1)} | ${asked ?? ""} |`;
  });
  return [
    "| what | samples | median, ms | 95th percentile, ms | highest, ms | asked for |",
    "| --- | ---: | ---: | ---: | ---: | --- |",
    ...lines,
  ].join("\n");
}
