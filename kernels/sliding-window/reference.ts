import { requireShape } from "../numeric-array.ts";
import { attendOne } from "../softmax-attention.ts";
import type { SlidingWindow } from "./sliding-window.ts";

/**
 * The sliding-window branch of a sparse layer, in eq. 4-9 of HySparse (arXiv 2602.03560): its own k', v' over positions
 * t - w + 1 .. t, with the head's sink in the denominator. It is all there is in a hybrid-SWA layer. With the first tokens of
 * the context beside it, it is the attention of StreamingLLM (arXiv 2309.17453), each key rotated by its place in the text.
 * @throws RangeError when the shapes do not fit or the keys do not cover every query's window
 */
export const slidingWindow: SlidingWindow = (input) => {
  const { queries, keys, values, from, first = 0, sinks, queryHeads, kvHeads, headDim, window, start } = input;
  const rows = queries.length / (queryHeads * headDim);
  const held = keys.length / (kvHeads * headDim);
  const group = queryHeads / kvHeads;
  requireShape("queries", queries, [rows | 0, queryHeads, headDim]);
  requireShape("keys", keys, [kvHeads, held | 0, headDim]);
  requireShape("values", values, [kvHeads, held, headDim]);
  requireShape("sinks", sinks, [queryHeads]);
  const end = from + held - first;
  if (from < first || from > Math.max(first, start - window + 1) || end < start + rows) {
    const before = first > 0 ? `0 .. ${first - 1} and ` : "";
    throw new RangeError(
      `keys ${before}${from} .. ${end - 1} do not cover the window of ${start} .. ${start + rows - 1}`,
    );
  }
  const out = new Float64Array(queries.length);
  for (let row = 0; row < rows; row++) {
    const t = start + row;
    const rowOf = (position: number): number => first + Math.max(0, position - from);
    const visible = [
      { from: 0, to: Math.min(first, t + 1) },
      { from: rowOf(t - window + 1), to: rowOf(t + 1) },
    ];
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
