import type { ChooseBlocks } from "../engine/engine.ts";
import { selectedBlocks, type Architecture } from "../model/architecture.ts";
import { Random, seedOf } from "../model/random.ts";

/** The newest k / B visible blocks. */
export function recentBlocks(a: Architecture): ChooseBlocks {
  const slots = selectedBlocks(a);
  return (_, query, __, out) => {
    const visible = Math.floor(query / a.block) + 1;
    const count = Math.min(slots, visible);
    for (let slot = 0; slot < count; slot++) out[slot] = visible - count + slot;
    return count;
  };
}

/** The number of the draw is part of the name and not this seed: seedOf only folds its seed into the name's first letter. */
const SEED = 1;

/**
 * k / B visible blocks, every set of them equally likely, drawn anew for every oracle, query and KV head; the same
 * whenever they are asked for.
 */
export function randomBlocks(a: Architecture, draw: number): ChooseBlocks {
  const slots = selectedBlocks(a);
  return (layer, query, kvHead, out) => {
    const visible = Math.floor(query / a.block) + 1;
    const count = Math.min(slots, visible);
    const random = new Random(seedOf(SEED, `${draw} ${layer} ${query} ${kvHead}`));
    // Floyd's sampling: the i-th number comes from the first visible - count + i + 1; one that is taken gives way to the last.
    for (let slot = 0; slot < count; slot++) {
      const last = visible - count + slot;
      const drawn = random.below(last + 1);
      out[slot] = out.subarray(0, slot).includes(drawn) ? last : drawn;
    }
    out.subarray(0, count).sort();
    return count;
  };
}
