import { NO_BLOCK } from "../block-topk/block-topk.ts";
import { requireShape } from "../numeric-array.ts";
import { attendOne, type KeyRange } from "../softmax-attention.ts";
import type { BlockSparseAttention } from "./block-sparse-attention.ts";

/**
 * The block-sparse branch of a sparse layer, in eq. 4-9 of HySparse (arXiv 2602.03560): attention of q' over the K, V of
 * the preceding full layer, restricted to the blocks of I, with the head's sink in the denominator. With a list for every query
 * head, the attention of MoBA (arXiv 2502.13189, eq. 4): one softmax over the union of the blocks.
 */
export const blockSparseAttention: BlockSparseAttention = (input) => {
  const { queries, keys, values, blocks, sinks, queryHeads, kvHeads, headDim, block, slots, start } = input;
  const rows = queries.length / (queryHeads * headDim);
  const room = keys.length / (kvHeads * headDim);
  const { lists = kvHeads } = input;
  requireShape("queries", queries, [rows | 0, queryHeads, headDim]);
  requireShape("keys", keys, [kvHeads, room | 0, headDim]);
  requireShape("values", values, [kvHeads, room, headDim]);
  requireShape("blocks", blocks, [rows, lists, slots]);
  requireShape("sinks", sinks, [queryHeads]);
  const out = new Float64Array(queries.length);
  for (let row = 0; row < rows; row++) {
    for (let head = 0; head < queryHeads; head++) {
      const kvHead = Math.floor((head * kvHeads) / queryHeads);
      const list = Math.floor((head * lists) / queryHeads);
      const visible: KeyRange[] = [];
      for (let slot = 0; slot < slots; slot++) {
        const i = blocks[(row * lists + list) * slots + slot]!;
        if (i === NO_BLOCK) break;
        visible.push({ from: i * block, to: Math.min((i + 1) * block, start + row + 1) });
      }
      const at = (row * queryHeads + head) * headDim;
      const kv = kvHead * room * headDim;
      attendOne(
        {
          query: queries.subarray(at, at + headDim),
          keys: keys.subarray(kv, kv + room * headDim),
          values: values.subarray(kv, kv + room * headDim),
          visible,
          sink: sinks[head]!,
        },
        out.subarray(at, at + headDim),
      );
    }
  }
  return out;
};
