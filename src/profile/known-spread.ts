/**
 * What rounds within one process cannot show, as standard deviations of logarithms (0.01 is one per cent). Every interval
 * of a time ratio is widened by them: without it a difference would be claimed that the next run does not repeat.
 *
 * Measured on 2026-11-27 on an AMD EPYC (virtual, 2 cores, shared with other machines), CPU engine, 3,982 tokens:
 * docs/benchmarks.md, "From process to process". Machines of one's own may be calmer, GPUs were not measured.
 */
export interface KnownSpread {
  readonly prefill: number;
  readonly decode: number;
}

/**
 * Of the ratio of two runners, from process to process: `npm run bench:claims -- --runs 20 --skip same`, "spread beyond the
 * rounds". Prefill: 4.8 % in those twenty (95 % interval 2.0 to 8.5), none in eight more of `bench:processes`, 4 % together.
 * Decode: 5.9 %, of the twenty alone, because much of it is drift over half an hour that the shorter series did not meet.
 */
export const BETWEEN_RUNNERS: KnownSpread = { prefill: 0.04, decode: 0.06 };

/**
 * Of one variant's time on one document, from process to process on one machine: `npm run bench:processes -- --runs 8`,
 * column "beyond the rounds", the largest of the three variants.
 */
export const BETWEEN_PROCESSES: KnownSpread = { prefill: 0.074, decode: 0.134 };
