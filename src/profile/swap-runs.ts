import { planOf, selectingDesign } from "../designs/designs.ts";
import type { SelectionSwap } from "../engine/engine.ts";
import { notRestrictable } from "../engine/swap.ts";
import { selectsAll, type Architecture } from "../model/architecture.ts";
import { randomBlocks, recentBlocks } from "./choose-blocks.ts";
import type { SwapName } from "./report.ts";

/** One prefill of the document with this swap; none for the learned selection. */
export interface SwapRun {
  readonly name: SwapName;
  /** For people, e.g. "random 2 of 3". */
  readonly title: string;
  readonly swap?: SelectionSwap;
  /** k in this run, where it is not the model's. */
  readonly selectedTokens?: number;
}

export const DRAWS = 3;

/** Why the last layer of a model of this shape cannot be restricted to selected blocks; undefined where it can. */
export function whyNotRestricted(a: Architecture): string | undefined {
  const design = selectingDesign(a);
  return design === undefined ? "no design chooses blocks in it" : notRestrictable(planOf(a, design));
}

/**
 * Every prefill that swapping takes in a context of so many tokens, the learned selection first, for a schedule with sparse
 * layers.
 */
export function swapRuns(a: Architecture, tokens: number): SwapRun[] {
  const all: SwapRun[] = selectsAll(a, tokens)
    ? []
    : [{ name: "all", title: "all", selectedTokens: everyBlock(a, tokens) }];
  const random = Array.from({ length: DRAWS }, (_, draw): SwapRun => {
    const swap: SelectionSwap = { kind: "blocks", choose: randomBlocks(a, draw) };
    return { name: "random", title: `random ${draw + 1} of ${DRAWS}`, swap };
  });
  const restricted: SwapRun[] =
    whyNotRestricted(a) === undefined
      ? [{ name: "restrict-last", title: "restrict-last", swap: { kind: "restrict-last" } }]
      : [];
  return [
    { name: "learned", title: "learned" },
    ...all,
    { name: "recent", title: "recent", swap: { kind: "blocks", choose: recentBlocks(a) } },
    ...random,
    { name: "none", title: "none", swap: { kind: "silent" } },
    ...restricted,
  ];
}

/** A k that selects all of so many tokens: a power of two of blocks, since an engine prepares itself for every new k. */
function everyBlock(a: Architecture, tokens: number): number {
  return a.block * 2 ** Math.ceil(Math.log2(tokens / a.block));
}
