import { MIXERS } from "../../designs/mixers.ts";
import { throughOf, type LayerPlan } from "../../designs/plan.ts";
import { MOST_DECODED, MOST_TOKENS } from "../../model/limits.ts";
import type { SelectionSwap } from "../engine.ts";
import { restriction } from "../swap.ts";

/** What a layer does in one runner: its plan, and what a swap makes of it. */
export interface LayerRole extends LayerPlan {
  /** Two gates of the layer's input are projected beside q, k and v: one for each branch. */
  readonly gated: boolean;
  /** The layer whose choice of blocks it reads through. */
  readonly through?: number;
  /** It reads those blocks of its own keys and values, not of another layer's; it scores nothing then. */
  readonly restricted: boolean;
  /** What it would read through another layer's choice gives zeros. */
  readonly silent: boolean;
}

/** @param swap one that swapRefusal allows */
export function rolesOf(plan: readonly LayerPlan[], swap: SelectionSwap | undefined): LayerRole[] {
  const restricting = restriction(swap, plan);
  return plan.map((layer, index): LayerRole => {
    const swapped = restricting?.layer === index;
    const through = swapped ? restricting.oracle : throughOf(layer);
    return {
      ...layer,
      gated: MIXERS[layer.mixer].gated,
      ...(through === undefined ? {} : { through }),
      restricted: swapped || layer.chosenBy !== undefined,
      silent: swap?.kind === "silent" && layer.readsFrom !== undefined,
      scores: layer.scores && !swapped,
    };
  });
}

/** Whether the layer chooses blocks for later ones. */
export function chooses({ feeds }: Pick<LayerPlan, "feeds">): boolean {
  return feeds.length > 0;
}

/** Whether a layer's block scores are computed: to choose by them, or for an observer that asks. */
export function emitsScores(role: Pick<LayerPlan, "feeds" | "scores">, asked: boolean): boolean {
  return chooses(role) || (role.scores && asked);
}

/** Tokens of a layer's window, its own included. */
export function windowOf({ keeps }: Pick<LayerPlan, "keeps">): number {
  if (keeps.kind !== "ring") throw new Error("a layer that keeps everything has no window");
  // A context with what is decoded is never longer: a larger window sees the same, and kernels count in 32 bits.
  return Math.min(keeps.tokens, MOST_TOKENS + MOST_DECODED);
}

/** Tokens of the context that a layer sees beside its window. */
export function firstOf({ keeps }: Pick<LayerPlan, "keeps">): number {
  return keeps.kind === "ring" ? (keeps.first ?? 0) : 0;
}
