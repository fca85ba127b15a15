import { DESIGNS } from "../designs/designs.ts";
import type { Variant } from "../engine/engine.ts";

/**
 * The variant that a report is about and that each other one is held against: the first that is no baseline (HySparse where
 * it was run).
 */
export function subjectOf(variants: readonly Variant[]): Variant | undefined {
  const run = DESIGNS.filter(({ id }) => variants.includes(id));
  return (run.find(({ baseline }) => baseline !== true) ?? run[0])?.id;
}
