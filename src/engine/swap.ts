import { NO_BLOCK } from "../../kernels/block-topk/block-topk.ts";
import type { LayerPlan } from "../designs/plan.ts";
import { selectedBlocks, type Architecture } from "../model/architecture.ts";
import { UserError } from "../model/errors.ts";
import type { ChooseBlocks, SelectionSwap, Variant } from "./engine.ts";

/** Why `swap` cannot be had: an Error for a variant without a selection, a UserError for a schedule that does not allow it. */
export function swapRefusal(
  swap: SelectionSwap | undefined,
  variant: Variant,
  plan: readonly LayerPlan[],
): Error | undefined {
  if (swap === undefined) return undefined;
  if (!plan.some(({ scores }) => scores)) {
    return new Error(`${variant} has no selection to swap: none of its layers chooses blocks`);
  }
  if (swap.kind === "silent" && plan.every(({ readsFrom }) => readsFrom === undefined)) {
    return new Error(`${variant} has no branch to silence: none of its layers reads another's keys beside its own`);
  }
  if (swap.kind !== "restrict-last") return undefined;
  const why = notRestrictable(plan);
  return why === undefined
    ? undefined
    : new UserError(`The last layer cannot be restricted: ${why}. Drop ${swap.kind}.`);
}

/** Why there is no `restrict-last` under this plan, as the end of a sentence; undefined where there is. */
export function notRestrictable(plan: readonly LayerPlan[]): string | undefined {
  if (plan.at(-1)?.mixer !== "full") return "it is a sparse layer, which reads only selected blocks anyway";
  return lastOracle(plan) === undefined ? "no layer before it selects blocks" : undefined;
}

/** @throws Error when there is a swap: it replaces what a prompt's queries read, nothing is defined for decode steps */
export function requireNoSwap(swap: SelectionSwap | undefined): void {
  if (swap !== undefined) throw new Error(`a runner whose selection is swapped (${swap.kind}) only prefills`);
}

/** The full layer that attends only to blocks, and the oracle whose blocks they are, under a swap that swapRefusal allows. */
export interface Restriction {
  readonly layer: number;
  readonly oracle: number;
}

/** What `restrict-last` restricts; undefined under other swaps and without one. */
export function restriction(swap: SelectionSwap | undefined, plan: readonly LayerPlan[]): Restriction | undefined {
  const oracle = swap?.kind === "restrict-last" ? lastOracle(plan) : undefined;
  return oracle === undefined ? undefined : { layer: plan.length - 1, oracle };
}

/** The layer whose blocks `restrict-last` gives to the last layer, a full one: the last one that feeds another. */
function lastOracle(plan: readonly LayerPlan[]): number | undefined {
  const oracle = plan.findLastIndex(({ feeds }) => feeds.length > 0);
  return oracle < 0 ? undefined : oracle;
}

/**
 * What `choose` names for queries start .. start + rows - 1 of oracle `layer`: [rows, Hkv, k / B] like the output of
 * block-topk, ascending, NO_BLOCK in unused slots.
 * @throws Error that names layer and query when a choice is empty, too long, not ascending or not visible
 */
export function chosenInstead(
  choose: ChooseBlocks,
  layer: number,
  { start, rows }: { readonly start: number; readonly rows: number },
  a: Architecture,
): Int32Array {
  const slots = selectedBlocks(a);
  const blocks = new Int32Array(rows * a.kvHeads * slots).fill(NO_BLOCK);
  const out = new Uint32Array(slots);
  for (let row = 0; row < rows; row++) {
    const query = start + row;
    for (let head = 0; head < a.kvHeads; head++) {
      const count = choose(layer, query, head, out);
      const wrong = fault(out, count, Math.floor(query / a.block));
      if (wrong !== undefined) {
        throw new Error(`blocks chosen for layer ${layer}, query ${query}, KV head ${head}: ${wrong}`);
      }
      blocks.set(out.subarray(0, count), (row * a.kvHeads + head) * slots);
    }
  }
  return blocks;
}

/** What is wrong with the first `count` entries of `out` as a choice among blocks 0 .. own. */
function fault(out: Uint32Array, count: number, own: number): string | undefined {
  // A query that reads nothing has no softmax; `silent` is there for that.
  if (!Number.isInteger(count) || count < 1 || count > out.length) return `${count} blocks, not 1 to ${out.length}`;
  const chosen = out.subarray(0, count);
  if (chosen.some((block, i) => i > 0 && block <= chosen[i - 1]!)) return `${chosen.join()} do not ascend`;
  return chosen[count - 1]! > own ? `block ${chosen[count - 1]!} begins after the query` : undefined;
}
