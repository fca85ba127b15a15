import type { RunOptions } from "../engine.ts";
import type { Shape } from "../shape.ts";
import type { Buffers } from "./buffers.ts";
import type { Projected } from "./dense.ts";

/** Tells an observer that wants them of a chunk's queries, keys and values, head by head no more but position by position. */
export function tellProjected({ observer }: RunOptions, projected: Projected, s: Shape, buffers: Buffers): void {
  if (observer?.onProjected === undefined) return;
  const { layer, start, count, q, k, v } = projected;
  const queries = byPosition(q, buffers.get("told-q", q.length), s.Hkv, count);
  const keys = byPosition(k, buffers.get("told-k", k.length), s.Hkv, count);
  const values = byPosition(v, buffers.get("told-v", v.length), s.Hkv, count);
  observer.onProjected(layer, start, queries, keys, values);
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
