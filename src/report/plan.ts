import { planOf, selectingDesign } from "../designs/designs.ts";
import { keptRows, type LayerPlan } from "../designs/plan.ts";
import type { Variant } from "../engine/engine.ts";
import type { Report } from "../profile/report.ts";

/** What each layer of a report's model did under one of its variants. */
export function planIn({ model }: Report, variant: Variant): LayerPlan[] {
  return planOf(model.architecture, variant);
}

/** The variant whose selection a report holds: the one of those it ran that chooses blocks. */
export function selectingIn({ model, settings }: Report): Variant | undefined {
  return selectingDesign(model.architecture, settings.variants);
}

/** How many layers keep every token, so that their memory grows with the context for good. */
export function keepingAll(plan: readonly LayerPlan[]): number {
  return plan.filter(({ keeps }) => keeps.kind === "all").length;
}

/** The context from which on no ring of any variant in the report grows any more. */
export function filledAt(report: Report): number {
  const plans = report.settings.variants.flatMap((variant) => planIn(report, variant));
  return Math.max(0, ...plans.map(({ keeps }) => (keeps.kind === "all" ? 0 : keptRows(keeps, Infinity))));
}
