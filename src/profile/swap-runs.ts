import { asRun } from "../designs/as-planned.ts";
import { designById, parametersOf, planOf, type DesignId } from "../designs/designs.ts";
import { choiceIn, type BlockChoice } from "../designs/plan.ts";
import type { ParameterValues } from "../designs/values.ts";
import type { SelectionSwap } from "../engine/engine.ts";
import { notRestrictable } from "../engine/swap.ts";
import { selectsAll, type Architecture } from "../model/architecture.ts";
import { randomBlocks, recentBlocks } from "./choose-blocks.ts";
import type { SwapName } from "../protocol/report.ts";

/** One prefill of the document with this swap; none for the learned selection. */
export interface SwapRun {
  readonly name: SwapName;
  /** For people, e.g. "random 2 of 3". */
  readonly title: string;
  readonly swap?: SelectionSwap;
  /** The design's parameters in this run, where they are not those of the others. */
  readonly parameters?: ParameterValues;
}

export const DRAWS = 3;

/**
 * Every prefill that swapping the selection of a design takes in a context of so many tokens, the learned one first, for a
 * schedule with sparse layers.
 */
export function swapRuns(architecture: Architecture, design: DesignId, tokens: number): SwapRun[] {
  const a = asRun(architecture, design);
  const plan = planOf(architecture, design);
  const choice = choiceIn(plan.find((layer) => layer.scores) ?? {});
  const parameters = designById(design).selectingAll?.(parametersOf(architecture, design), tokens);
  const all: SwapRun[] =
    selectsAll(a, tokens) || parameters === undefined ? [] : [{ name: "all", title: "all", parameters }];
  const random = Array.from({ length: DRAWS }, (_, draw): SwapRun => {
    const swap: SelectionSwap = { kind: "blocks", choose: randomBlocks(choice, draw) };
    return { name: "random", title: `random ${draw + 1} of ${DRAWS}`, swap };
  });
  const restricted: SwapRun[] =
    notRestrictable(plan) === undefined
      ? [{ name: "restrict-last", title: "restrict-last", swap: { kind: "restrict-last" } }]
      : [];
  return [
    { name: "learned", title: "learned" },
    ...all,
    { name: "recent", title: "recent", swap: { kind: "blocks", choose: recentBlocks(choice) } },
    ...random,
    { name: "none", title: "none", swap: nothingChosen(choice) },
    ...restricted,
  ];
}

/** What is always read, and no more: a branch of its own, or some blocks of every list. */
function nothingChosen({ forced, ...choice }: BlockChoice): SelectionSwap {
  if (forced === undefined) return { kind: "silent" };
  return { kind: "blocks", choose: recentBlocks({ ...choice, forced, slots: forced.first + forced.last }) };
}
