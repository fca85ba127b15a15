import type { Architecture } from "../model/architecture.ts";
import type { Design } from "./design.ts";
import { full } from "./full/design.ts";
import { hybridSwa } from "./hybrid-swa/design.ts";
import { hysparse } from "./hysparse/design.ts";
import type { LayerPlan } from "./plan.ts";

/** Every design, in the order in which they are shown. */
export const DESIGNS = [hysparse, full, hybridSwa] as const satisfies readonly Design[];

export type DesignId = (typeof DESIGNS)[number]["id"];

export const DESIGN_IDS: readonly DesignId[] = DESIGNS.map(({ id }) => id);

export function designById(id: DesignId): Design {
  const design = DESIGNS.find((row) => row.id === id);
  if (design === undefined) throw new RangeError(`there is no design "${id}"`);
  return design;
}

/** What every layer of a model of this shape does under the design called `id`. */
export function planOf(architecture: Architecture, id: DesignId): LayerPlan[] {
  return designById(id).plan(architecture);
}
