import type { Design } from "../design.ts";

/** Causal softmax attention in every layer. */
export const full = {
  id: "full",
  plan: ({ layers }) =>
    Array.from({ length: layers }, () => ({ mixer: "full", keeps: { kind: "all" }, scores: false, feeds: [] })),
} as const satisfies Design;
