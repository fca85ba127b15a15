import type { Estimate } from "../protocol/jobs.ts";

/** Nobody minds to wait so long. */
const PATIENCE_MS = 60_000;

/** What a shorter run may take to be worth offering. */
const SHORTER_MS = 45_000;

const SHORTER_TOKENS = [64, 32, 16, 8, 4, 2, 1].map((thousands) => 1000 * thousands);

/**
 * How long a profile of so many tokens takes, and where that tries a user's patience, how much of the document takes less.
 * @param msOf milliseconds for a document's first tokens
 */
export function estimateOf(tokens: number, msOf: (tokens: number) => number): Estimate {
  const ms = msOf(tokens);
  const fewer = ms <= PATIENCE_MS ? undefined : SHORTER_TOKENS.find((n) => 2 * n <= tokens && msOf(n) <= SHORTER_MS);
  return { ms, ...(fewer === undefined ? {} : { shorter: { tokens: fewer, ms: msOf(fewer) } }) };
}
