import { compressedBlocks } from "../compress-blocks/compress-blocks.ts";
import { requireShape } from "../numeric-array.ts";
import { attendOne } from "../softmax-attention.ts";
import type { CompressedAttention } from "./compressed-attention.ts";

/** The compression branch of NSA (arXiv 2502.11089, eq. 7 and 8): attention over compressed keys, whose weights judge the blocks. */
export const compressedAttention: CompressedAttention = (input) => {
  const { queries, keys, values, queryHeads, kvHeads, headDim, start } = input;
  const rows = queries.length / (queryHeads * headDim);
  const room = keys.length / (kvHeads * headDim);
  requireShape("queries", queries, [rows | 0, queryHeads, headDim]);
  requireShape("keys", keys, [kvHeads, room | 0, headDim]);
  requireShape("values", values, [kvHeads, room, headDim]);
  const blocks = compressedBlocks(input, start + rows);
  const out = new Float64Array(queries.length);
  const probabilities = new Float64Array(rows * queryHeads * blocks);
  for (let n = 0; n < rows * queryHeads; n++) {
    const kv = Math.floor(((n % queryHeads) * kvHeads) / queryHeads) * room * headDim;
    const seen = compressedBlocks(input, start + Math.floor(n / queryHeads) + 1);
    const weights = attendOne(
      {
        query: queries.subarray(n * headDim, (n + 1) * headDim),
        keys: keys.subarray(kv, kv + room * headDim),
        values: values.subarray(kv, kv + room * headDim),
        visible: [{ from: 0, to: seen }],
        sink: -Infinity,
      },
      out.subarray(n * headDim, (n + 1) * headDim),
    );
    probabilities.set(weights, n * blocks);
  }
  return { out, probabilities };
};
