import type { Architecture } from "../model/architecture.ts";

/** The golden ratio's fraction: steps of it fall into no rhythm with the block size. */
const GOLDEN = 0.6180339887498949;

/**
 * At most `most` query positions, ascending and evenly spread over those that see more than k / B blocks: one in each of
 * as many equal stretches. Where in its stretch is shifted from one to the next, so that positions do not all lie at the
 * same place within their block: with n of them, k + floor((i + frac(i GOLDEN)) (T - k) / n) for i = 0 .. n - 1. Empty
 * when no position sees that many: every query then selects all it sees.
 */
export function sampledQueries(
  { selectedTokens }: Pick<Architecture, "selectedTokens">,
  tokens: number,
  most: number,
): number[] {
  const span = tokens - selectedTokens;
  if (span <= 0) return [];
  const count = Math.min(most, span);
  return Array.from(
    { length: count },
    (_, i) => selectedTokens + Math.floor(((i + ((i * GOLDEN) % 1)) * span) / count),
  );
}
