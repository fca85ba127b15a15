import { z } from "zod";
import { architectureSchema, type Architecture } from "../architecture.ts";
import type { Decoder } from "../decoder.ts";
import { UserError } from "../errors.ts";
import { explainIssues } from "../explain.ts";
import { MOST_TOKENS, refuseTooLarge } from "../limits.ts";

/** The schedule under which a model that was trained without one lies for comparison: Table 1 of HySparse (arXiv 2602.03560). */
const LAID_OVER = {
  sparsePerFull: 3,
  block: 64,
  selectedTokens: 1024,
  window: 128,
  gate: "head",
  sinks: true,
} as const;

export const LAID_OVER_NOTE =
  `The model knows no schedule: ${LAID_OVER.sparsePerFull} sparse layers to a full one, blocks of ${LAID_OVER.block}, ` +
  `k = ${LAID_OVER.selectedTokens} and a window of ${LAID_OVER.window} are the profiler's.`;

/**
 * The decoder of somebody's dense model with our schedule over it.
 * @param source how to call the file in messages
 * @param names what the file calls our fields
 * @throws UserError for numbers that cannot be, or are larger than is supported
 */
export function denseArchitecture(
  source: string,
  decoder: Decoder,
  names: Readonly<Partial<Record<keyof Decoder, string>>>,
): Architecture {
  const bounded = { ...decoder, maxContext: Math.min(decoder.maxContext, MOST_TOKENS) };
  const parsed = architectureSchema.superRefine(refuseTooLarge).safeParse({ ...bounded, ...LAID_OVER });
  if (parsed.success) return parsed.data;
  const theirs = (key: PropertyKey): PropertyKey => names[key as keyof Decoder] ?? key;
  const found = new z.ZodError(parsed.error.issues.map((issue) => ({ ...issue, path: issue.path.map(theirs) })));
  throw new UserError(`${source}: ${explainIssues(found)}. The file is damaged, or not a model of this kind.`);
}
