import type { Variant } from "../engine/engine.ts";

const FIRST = ["hysparse", "hybrid-swa", "full"] as const satisfies readonly Variant[];

/** The variant that a report is about and that each other one is held against: HySparse where it was run. */
export function subjectOf(variants: readonly Variant[]): Variant | undefined {
  return FIRST.find((variant) => variants.includes(variant));
}
