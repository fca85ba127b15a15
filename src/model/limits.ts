import type { z } from "zod";
import type { Architecture } from "./architecture.ts";

/** Most tokens of a context, generated ones not counted. */
export const MOST_TOKENS = 2 ** 20;

/** Most tokens of a block. */
export const MOST_BLOCK = 4096;

/** Most tokens that are generated after a document. */
export const MOST_DECODED = 2 ** 16;

/** Most measured rounds of a profile. */
export const MOST_REPETITIONS = 10_000;

/** Threads that may be asked for; the machine's cores are a limit of their own. */
export const MOST_THREADS = 4096;

/**
 * Most of each number of an architecture. Far above any model that exists, and low enough that whatever is counted or
 * allocated from one of them alone, before the weights or the memory check bound it, stays small. A window has no limit:
 * beyond the context it means "all", and what is allocated follows what is visible.
 */
const MOST = {
  layers: 1024,
  hidden: 65_536,
  intermediate: 524_288,
  queryHeads: 1024,
  kvHeads: 1024,
  headDim: 1024,
  vocabulary: 2 ** 22,
  sparsePerFull: 1024,
  block: MOST_BLOCK,
  selectedTokens: MOST_TOKENS,
  maxContext: MOST_TOKENS,
} as const satisfies Partial<Record<keyof Architecture, number>>;

/** Adds an issue for every number that is larger than is supported, naming both. */
export function refuseTooLarge(architecture: Architecture, context: z.RefinementCtx): void {
  for (const [name, most] of Object.entries(MOST)) {
    const value = architecture[name as keyof typeof MOST];
    if (value <= most) continue;
    context.addIssue({
      code: "custom",
      path: [name],
      message: `is ${grouped(value)}; at most ${grouped(most)} are supported`,
    });
  }
}

function grouped(value: number): string {
  return value.toLocaleString("en-US");
}
