import { planOf } from "../designs/designs.ts";
import type { Architecture } from "../model/architecture.ts";
import type { LayerKind, Variant } from "./engine.ts";

/** What a report calls each layer under `variant`: the window of a ring goes by that name, whatever else it keeps. */
export function layerKinds(architecture: Architecture, variant: Variant): LayerKind[] {
  return planOf(architecture, variant).map(({ mixer }) => (mixer === "streaming" ? "window" : mixer));
}
