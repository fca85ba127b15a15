import type { OracleSelection } from "../selection.ts";

/**
 * Block top-k by the rules of hysparse.md: the k / B highest scores of the blocks that a query can see, equal scores to
 * the lower index, stored ascending. Writes rows `query` .. `query + rows - 1` of `into` for one KV head.
 *
 * scores: [rows, stride] with S of eq. 3 for this head; row r belongs to position `query + r`.
 */
export function selectTopBlocks(
  into: OracleSelection,
  scores: Float32Array,
  stride: number,
  query: number,
  rows: number,
  kvHead: number,
  block: number,
): void {
  const { slots, kvHeads, blocks, scores: kept, none } = into;
  const best = new Float64Array(slots);
  const bestBlock = new Int32Array(slots);
  for (let row = 0; row < rows; row++) {
    const visible = Math.floor((query + row) / block) + 1;
    const from = row * stride;
    let count = 0;
    for (let i = 0; i < visible; i++) {
      const score = scores[from + i]!;
      // Strictly greater: on a tie the earlier, lower block keeps its place.
      if (count === slots && !(score > best[slots - 1]!)) continue;
      let place = count < slots ? count++ : slots - 1;
      while (place > 0 && best[place - 1]! < score) {
        best[place] = best[place - 1]!;
        bestBlock[place] = bestBlock[place - 1]!;
        place--;
      }
      best[place] = score;
      bestBlock[place] = i;
    }
    const chosen = bestBlock.subarray(0, count).sort();
    const to = ((query + row) * kvHeads + kvHead) * slots;
    for (let slot = 0; slot < slots; slot++) {
      const index = slot < count ? chosen[slot]! : none;
      blocks[to + slot] = index;
      kept[to + slot] = slot < count ? scores[from + index]! : 0;
    }
  }
}
