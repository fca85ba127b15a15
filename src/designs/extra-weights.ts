import type { Architecture } from "../model/architecture.ts";
import type { LayerPlan } from "./plan.ts";

/** A tensor that a mixer needs of a layer beside those of a dense model. */
export interface ExtraTensor {
  /** Row-major, [out, in] where it is applied to something. */
  readonly shape: readonly number[];
  /** What it makes of the layer's normed input, beside q, k and v: keys are rotated as k is, gates pass through a sigmoid. */
  readonly makes?: "keys" | "values" | "gates";
}

/** By names of their own, in the order in which they lie where an engine keeps them together. */
export type ExtraTensors<Name extends string = string> = Readonly<Record<Name, ExtraTensor>>;

/** The names of those that are applied to the layer's input, in order. */
export function projectedNames(tensors: ExtraTensors): string[] {
  return Object.keys(tensors).filter((name) => tensors[name]?.makes !== undefined);
}

/** Values that a layer's input is projected to beside q, k and v. */
export function projectedWidth(tensors: ExtraTensors): number {
  return projectedNames(tensors).reduce((sum, name) => sum + tensors[name]!.shape[0]!, 0);
}

/** Says what a layer of this plan needs. */
export type ExtraWeightsOf = (architecture: Architecture, layer: LayerPlan) => ExtraTensors;
