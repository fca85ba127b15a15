import { requireShape } from "../numeric-array.ts";
import { attendOne } from "../softmax-attention.ts";
import type { SlidingWindow } from "./sliding-window.ts";

/**
 * The sliding-window branch of a sparse layer, in eq. 4-9 of HySparse (arXiv 2602.03560): its own k', v' over positions
 * t - w + 1 .. t, with the head's sink in the denominator. It is all there is in a hybrid-SWA layer.
 * @throws RangeError when the shapes do not fit or the keys do not cover every query's window
 */
export const slidingWindow: SlidingWindow = (input) => {
  const { queries, keys, values, first, sinks, queryHeads, kvHeads, headDim, window, start } = input;
  const rows = queries.length / (queryHeads * headDim);
  const held = keys.length / (kvHeads * headDim);
  const group = queryHeads / kvHeads;
  requireShape("queries", queries, [rows | 0, queryHeads, headDim]);
  requireShape("keys", keys, [kvHeads, held | 0, headDim]);
  requireShape("values", values, [kvHeads, held, headDim]);
  requireShape("sinks", sinks, [queryHeads]);
  if (first > Math.max(0, start - window + 1) || first + held < start + rows) {
    throw new RangeError(
      `keys ${first} .. ${first + held - 1} do not cover the window of ${start} .. ${start + rows - 1}`,
    );
  }
  const out = new Float64Array(queries.length);
  for (let row = 0; row < rows; row++) {
    const t = start + row;
    const visible = [{ from: Math.max(0, t - window + 1) - first, to: t + 1 - first }];
    for (let head = 0; head < queryHeads; head++) {
      const at = (row * queryHeads + head) * headDim;
      const kv = Math.floor(head / group) * held * headDim;
      attendOne(
        {
          query: queries.subarray(at, at + headDim),
          keys: keys.subarray(kv, kv + held * headDim),
          values: values.subarray(kv, kv + held * headDim),
          visible,
          sink: sinks[head]!,
        },
        out.subarray(at, at + headDim),
      );
    }
  }
  return out;
};
