/**
 * What rounds within one process cannot show, as standard deviations of logarithms (0.01 is one per cent). Every interval
 * of a time ratio is widened by them: without it a difference would be claimed that the next run does not repeat.
 */
export interface KnownSpread {
  readonly prefill: number;
  readonly decode: number;
}

/**
 * Of the ratio of two runners of the *same* variant in one process, from process to process: where their memory lies
 * does not change from round to round. To be measured by `npm run bench:claims` (full against itself, "spread beyond the
 * rounds"); these values are assumed, not yet measured on a quiet machine.
 */
export const BETWEEN_RUNNERS: KnownSpread = { prefill: 0.005, decode: 0.005 };

/**
 * Of one variant's time on one document, from process to process on one machine. To be measured by `npm run
 * bench:processes` (column "beyond the rounds"); these values are assumed, not yet measured on a quiet machine.
 */
export const BETWEEN_PROCESSES: KnownSpread = { prefill: 0.02, decode: 0.02 };
