import { choiceIn, keptVectors, streamsOf, type LayerPlan } from "../../designs/plan.ts";
import type { Architecture } from "../../model/architecture.ts";
import { chooses } from "./roles.ts";

/** A block's index and its score, 32 bits each at most. */
const SELECTION_ENTRY = 8;

/**
 * Bytes that `tokens` in context take, whatever is computed on them: every layer's keys and
 * values (and means of keys), every oracle's choices.
 */
export function contextBytes(
  plan: readonly LayerPlan[],
  a: Architecture,
  tokens: number,
  bytesPerValue: number,
): number {
  const vectors = keptVectors(plan.flatMap(streamsOf), tokens);
  const slots = plan.filter(chooses).reduce((sum, layer) => sum + choiceIn(layer).slots, 0);
  const choices = slots * tokens * a.kvHeads;
  return a.kvHeads * a.headDim * vectors * bytesPerValue + choices * SELECTION_ENTRY;
}
