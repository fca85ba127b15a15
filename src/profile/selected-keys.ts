import type { OracleSelection } from "../engine/selection.ts";

/** Keys that queries from .. to - 1 read through this selection, summed over KV heads: only positions <= t count. */
export function selectedKeys(selection: OracleSelection, from: number, to: number, block: number): number {
  const { kvHeads, slots, blocks, none } = selection;
  let keys = 0;
  for (let query = from; query < to; query++) {
    const own = Math.floor(query / block);
    const at = query * kvHeads * slots;
    for (let i = at; i < at + kvHeads * slots; i++) {
      const index = blocks[i]!;
      if (index !== none) keys += index === own ? (query % block) + 1 : block;
    }
  }
  return keys;
}
