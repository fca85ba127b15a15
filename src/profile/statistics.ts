import { max, median, min } from "simple-statistics";
import type { Samples } from "../protocol/report.ts";

/** Median, smallest and largest of at least one sample, with the samples themselves. */
export function summarize(samples: readonly number[]): Samples {
  const values = [...samples];
  return { medianMs: median(values), minMs: min(values), maxMs: max(values), samples: values };
}
