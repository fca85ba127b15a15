import { UserError } from "../model/errors.ts";
import type { Model } from "../model/model.ts";
import type { Variant } from "./engine.ts";

/** @throws UserError when a dense model is asked to run as anything else: it has no gates and sinks for that */
export function checkRunsAs(model: Pick<Model, "name" | "design">, variants: readonly Variant[]): void {
  if (model.design !== "full") return;
  const others = variants.filter((variant) => variant !== "full");
  if (others.length === 0) return;
  throw new UserError(
    `${model.name} is a dense model, without the gates and sinks that ${others.join(" and ")} need: ` +
      "run it with --variants full",
  );
}
