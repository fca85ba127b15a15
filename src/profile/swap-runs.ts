import type { SelectionSwap } from "../engine/engine.ts";
import { notRestrictable } from "../engine/swap.ts";
import type { Architecture } from "../model/architecture.ts";
import { randomBlocks, recentBlocks } from "./choose-blocks.ts";
import type { SwapName } from "./report.ts";

/** One prefill of the document with this swap; none for the learned selection. */
export interface SwapRun {
  readonly name: SwapName;
  /** For people, e.g. "random 2 of 3". */
  readonly title: string;
  readonly swap?: SelectionSwap;
}

export const DRAWS = 3;

/** Every prefill that swapping takes, the learned selection first, for a schedule with sparse layers. */
export function swapRuns(a: Architecture): SwapRun[] {
  const random = Array.from({ length: DRAWS }, (_, draw): SwapRun => {
    const swap: SelectionSwap = { kind: "blocks", choose: randomBlocks(a, draw) };
    return { name: "random", title: `random ${draw + 1} of ${DRAWS}`, swap };
  });
  const restricted: SwapRun[] =
    notRestrictable(a) === undefined
      ? [{ name: "restrict-last", title: "restrict-last", swap: { kind: "restrict-last" } }]
      : [];
  return [
    { name: "learned", title: "learned" },
    { name: "recent", title: "recent", swap: { kind: "blocks", choose: recentBlocks(a) } },
    ...random,
    { name: "none", title: "none", swap: { kind: "silent" } },
    ...restricted,
  ];
}
