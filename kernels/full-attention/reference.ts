import { requireShape } from "../numeric-array.ts";
import { attendOne } from "../softmax-attention.ts";
import type { FullAttention, FullAttentionInput, ScoredAttention } from "./full-attention.ts";

/**
 * Calls `visit` with every query's probabilities over keys 0 .. t, after its output is written.
 * @throws RangeError when the shapes do not fit or a query has no key at its own position
 */
function attend(
  { queries, keys, values, queryHeads, kvHeads, headDim, start }: FullAttentionInput,
  out: Float64Array,
  visit: (row: number, head: number, probabilities: Float64Array) => void,
): void {
  const rows = queries.length / (queryHeads * headDim);
  const room = keys.length / (kvHeads * headDim);
  requireShape("queries", queries, [rows | 0, queryHeads, headDim]);
  requireShape("keys", keys, [kvHeads, room | 0, headDim]);
  requireShape("values", values, [kvHeads, room, headDim]);
  if (room < start + rows) throw new RangeError(`${room} keys for queries up to position ${start + rows - 1}`);
  const group = queryHeads / kvHeads;
  for (let row = 0; row < rows; row++) {
    for (let head = 0; head < queryHeads; head++) {
      const kv = Math.floor(head / group) * room * headDim;
      const at = (row * queryHeads + head) * headDim;
      const probabilities = attendOne(
        {
          query: queries.subarray(at, at + headDim),
          keys: keys.subarray(kv, kv + room * headDim),
          values: values.subarray(kv, kv + room * headDim),
          visible: [{ from: 0, to: start + row + 1 }],
          sink: -Infinity,
        },
        out.subarray(at, at + headDim),
      );
      visit(row, head, probabilities);
    }
  }
}

/** Eq. 1-2 of HySparse (arXiv 2602.03560): ordinary causal attention. */
export const fullAttention: FullAttention = (input) => {
  const out = new Float64Array(input.queries.length);
  attend(input, out, () => undefined);
  return out;
};

/** Eq. 1-3 of HySparse (arXiv 2602.03560): S is the block maximum of the probabilities, then the maximum of the group. */
export const scoredAttention: ScoredAttention = (input) => {
  const { queries, queryHeads, kvHeads, headDim, start, block } = input;
  const rows = queries.length / (queryHeads * headDim);
  const blocks = Math.ceil((start + rows) / block);
  const group = queryHeads / kvHeads;
  const out = new Float64Array(queries.length);
  const headScores = new Float64Array(rows * queryHeads * blocks);
  const groupScores = new Float64Array(rows * kvHeads * blocks);
  attend(input, out, (row, head, probabilities) => {
    const ofHead = (row * queryHeads + head) * blocks;
    const ofGroup = (row * kvHeads + Math.floor(head / group)) * blocks;
    for (let j = 0; j < probabilities.length; j++) {
      const i = Math.floor(j / block);
      headScores[ofHead + i] = Math.max(headScores[ofHead + i]!, probabilities[j]!);
      groupScores[ofGroup + i] = Math.max(groupScores[ofGroup + i]!, probabilities[j]!);
    }
  });
  return { out, headScores, groupScores };
};
