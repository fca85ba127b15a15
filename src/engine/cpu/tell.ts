import type { RunOptions } from "../engine.ts";
import { logitRows } from "../logit-pieces.ts";
import type { Shape } from "../shape.ts";
import type { Buffers } from "./buffers.ts";
import type { Dense, Projected } from "./dense.ts";

/** Tells an observer that wants them of a chunk's queries and keys, head by head no more but position by position. */
export function tellProjected({ observer }: RunOptions, projected: Projected, s: Shape, buffers: Buffers): void {
  if (observer?.onProjected === undefined) return;
  const { layer, start, count, q, k } = projected;
  const queries = byPosition(q, buffers.get("told-q", q.length), s.Hkv, count);
  const keys = byPosition(k, buffers.get("told-k", k.length), s.Hkv, count);
  observer.onProjected(layer, start, queries, keys);
}

/** [heads, count, width] -> [count, heads, width] */
function byPosition(rows: Float32Array, into: Float32Array, heads: number, count: number): Float32Array {
  const width = rows.length / (heads * count);
  for (let head = 0; head < heads; head++) {
    for (let row = 0; row < count; row++) {
      const from = (head * count + row) * width;
      into.set(rows.subarray(from, from + width), (row * heads + head) * width);
    }
  }
  return into;
}

/** Tells an observer that wants them of the logits after every position of a chunk with the hidden states `x` [C, hidden]. */
export async function tellLogits(
  { observer, signal }: RunOptions,
  x: Float32Array,
  start: number,
  dense: Dense,
  { hidden, vocabulary }: Shape,
  buffers: Buffers,
): Promise<void> {
  if (observer?.onLogits === undefined) return;
  const count = x.length / hidden;
  const step = logitRows(vocabulary);
  for (let from = 0; from < count; from += step) {
    signal?.throwIfAborted();
    const rows = Math.min(step, count - from);
    const logits = buffers.get("told-logits", rows * vocabulary);
    await dense.logits(x.subarray(from * hidden, (from + rows) * hidden), logits);
    observer.onLogits(start + from, logits);
  }
}
