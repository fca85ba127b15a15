import type { BlockChoice } from "../designs/plan.ts";
import type { ChooseBlocks } from "../engine/engine.ts";
import { Random, seedOf } from "../model/random.ts";

const NONE_FORCED = { first: 0, last: 0 };

/** The newest visible blocks, as many as a choice has slots; those of the first that are always read stay. */
export function recentBlocks({ block, slots, forced = NONE_FORCED }: BlockChoice): ChooseBlocks {
  return (_, query, __, out) => {
    const visible = Math.floor(query / block) + 1;
    const count = Math.min(slots, visible);
    for (let slot = 0; slot < count; slot++) out[slot] = slot < forced.first ? slot : visible - count + slot;
    return count;
  };
}

/** The number of the draw is part of the name and not this seed: seedOf only folds its seed into the name's first letter. */
const SEED = 1;

/**
 * As many visible blocks as a choice has slots: those that are always read, and of the others every set equally likely, drawn anew
 * for every oracle, query and KV head; the same whenever they are asked for.
 */
export function randomBlocks(choice: BlockChoice, draw: number): ChooseBlocks {
  const { block, slots, forced = NONE_FORCED } = choice;
  const newest = recentBlocks(choice);
  return (layer, query, kvHead, out) => {
    const count = newest(layer, query, kvHead, out);
    const visible = Math.floor(query / block) + 1;
    if (visible <= slots) return count;
    const drawn = out.subarray(forced.first, slots - forced.last);
    const random = new Random(seedOf(SEED, `${draw} ${layer} ${query} ${kvHead}`));
    // Floyd's sampling: the i-th number comes from the first end - length + i + 1; one that is taken gives way to the last.
    drawn.forEach((_, i) => {
      const last = visible - forced.last - drawn.length + i;
      const next = forced.first + random.below(last - forced.first + 1);
      drawn[i] = drawn.subarray(0, i).includes(next) ? last : next;
    });
    drawn.sort();
    return count;
  };
}
