import type { Architecture } from "../model/architecture.ts";
import type { LayerPlan } from "./plan.ts";

/** An attention design that can be profiled: everything that the rest of the program knows of it. */
export interface Design {
  /** What commands, settings and reports call it: a contract once released. */
  readonly id: string;
  /** What every layer of a model of this shape does under the design. */
  plan(architecture: Architecture): LayerPlan[];
}
