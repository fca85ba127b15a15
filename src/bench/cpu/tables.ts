import { median } from "simple-statistics";
import type { Samples } from "../../protocol/report.ts";

/** "118 (115 to 131)": median, smallest and largest in milliseconds, three digits and more. */
export function ms({ medianMs, minMs, maxMs }: Samples): string {
  const digits = medianMs < 1 ? 3 : medianMs < 10 ? 2 : medianMs < 100 ? 1 : 0;
  return `${medianMs.toFixed(digits)} (${minMs.toFixed(digits)} to ${maxMs.toFixed(digits)})`;
}

/** Median of the rounds' own ratios a / b, "1.64x (1.60x to 1.71x)": what drifts between rounds cancels. */
export function ratio(a: Samples, b: Samples): string {
  const ratios = a.samples.map((value, i) => value / (b.samples[i] ?? value));
  const shown = (value: number): string => `${value.toFixed(2)}x`;
  return `${shown(median(ratios))} (${shown(Math.min(...ratios))} to ${shown(Math.max(...ratios))})`;
}

/** Several pieces of work timed by turns. */
export interface Work {
  readonly run: () => Promise<void>;
  /** Runs of one sample, for work that takes less than a clock can tell apart; 1 when absent. */
  readonly times?: number;
}

/** Milliseconds of one run of each, over `repetitions` rounds after a warm-up; the order turns round by round. */
export async function byTurns(works: readonly Work[], repetitions: number): Promise<number[][]> {
  const samples: number[][] = works.map(() => []);
  for (let round = -1; round < repetitions; round++) {
    for (let i = 0; i < works.length; i++) {
      const at = (i + Math.max(round, 0)) % works.length;
      const { run, times = 1 } = works[at]!;
      const begin = performance.now();
      for (let time = 0; time < times; time++) await run();
      if (round >= 0) samples[at]!.push((performance.now() - begin) / times);
    }
  }
  return samples;
}
