import { planOf } from "../../designs/designs.ts";
import type { LayerPlan } from "../../designs/plan.ts";
import { UserError, words } from "../../model/errors.ts";
import type { Model } from "../../model/model.ts";
import type { Engine, LoadOptions, Variant } from "../engine.ts";
import { swapRefusal } from "../swap.ts";

const VARIANTS = { setting: "variants" } as const;
const ENGINE = { setting: "engine" } as const;

/**
 * The plan of a model under a variant, where the engine can run it as asked.
 * @throws UserError when the engine declines the design, or the model's schedule does not allow the swap
 * @throws RangeError when the chunk is not a positive whole number
 */
export function admit(
  engine: Pick<Engine, "info" | "canRun">,
  model: Pick<Model, "architecture">,
  variant: Variant,
  { chunk, swap }: LoadOptions,
): LayerPlan[] {
  if (chunk !== undefined && (!Number.isInteger(chunk) || chunk < 1)) {
    throw new RangeError(`a chunk of ${chunk} queries is not a positive whole number`);
  }
  const plan = planOf(model.architecture, variant);
  const declined = engine.canRun(plan);
  if (declined !== undefined) {
    throw new UserError(
      words`the ${engine.info.id} engine cannot run ${variant}: ${declined}. Remove it from ${VARIANTS}, or use another ${ENGINE}.`,
    );
  }
  const refusal = swapRefusal(swap, variant, plan);
  if (refusal !== undefined) throw refusal;
  return plan;
}
