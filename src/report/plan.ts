import { asRun } from "../designs/as-planned.ts";
import { planOf, selectingDesign } from "../designs/designs.ts";
import { keptRows, streamsOf, type LayerPlan } from "../designs/plan.ts";
import type { ParameterValues } from "../designs/values.ts";
import type { Variant } from "../engine/engine.ts";
import type { Architecture } from "../model/architecture.ts";
import type { Report } from "../protocol/report.ts";

/** A report's architecture, with the parameters of its variants laid over it. */
export function architectureIn({ model, variants }: Pick<Report, "model" | "variants">): Architecture {
  const laid: Record<string, ParameterValues> = {};
  for (const [id, { parameters }] of Object.entries(variants)) if (parameters !== undefined) laid[id] = parameters;
  return { ...model.architecture, laid };
}

/** What each layer of a report's model did under one of its variants. */
export function planIn(report: Report, variant: Variant): LayerPlan[] {
  return planOf(architectureIn(report), variant);
}

/** The variant whose selection a report holds: the one of those it ran that chooses blocks. */
export function selectingIn(report: Report): Variant | undefined {
  return selectingDesign(architectureIn(report), report.settings.variants);
}

/** A report's architecture with the blocks, k and window of the variant whose selection it holds. */
export function selectedIn(report: Report): Architecture {
  return asRun(architectureIn(report), selectingIn(report));
}

/** Tokens of a block of the report's document. */
export function blockIn(report: Report): number {
  return selectedIn(report).block;
}

/** How many layers keep every token, so that their memory grows with the context for good. */
export function keepingAll(plan: readonly LayerPlan[]): number {
  return plan.filter(({ keeps }) => keeps.kind === "all").length;
}

/** The context from which on no ring of any variant in the report grows any more. */
export function filledAt(report: Report): number {
  const streams = report.settings.variants.flatMap((variant) => planIn(report, variant)).flatMap(streamsOf);
  return Math.max(0, ...streams.map((stream) => (stream.kind === "ring" ? keptRows(stream, Infinity) : 0)));
}
