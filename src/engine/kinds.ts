import { schedule, type Architecture } from "../model/architecture.ts";
import type { LayerKind, Variant } from "./engine.ts";

const SPARSE_BECOMES = { hysparse: "sparse", full: "full", "hybrid-swa": "window" } as const;

/** What every layer does under `variant`: the schedule's sparse layers are what the variants differ in. */
export function layerKinds(architecture: Architecture, variant: Variant): LayerKind[] {
  return schedule(architecture).map((kind) => (kind === "full" ? "full" : SPARSE_BECOMES[variant]));
}
