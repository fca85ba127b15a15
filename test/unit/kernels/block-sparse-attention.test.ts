import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { BlockSparseAttentionInput } from "../../../kernels/block-sparse-attention/block-sparse-attention.ts";
import { cases } from "../../../kernels/block-sparse-attention/cases.ts";
import { blockSparseAttention } from "../../../kernels/block-sparse-attention/reference.ts";
import { NO_BLOCK } from "../../../kernels/block-topk/block-topk.ts";
import { fullAttention } from "../../../kernels/full-attention/reference.ts";
import { assertNear, SEED } from "./near.ts";

const withoutSinks = (heads: number): Float64Array => new Float64Array(heads).fill(-Infinity);

/** One query at position 5 over blocks of 2 with keys 0: every visible key weighs alike. Values are 1, 2, 4, 8, ... */
function uniform(blocks: number[], changes: Partial<BlockSparseAttentionInput> = {}): BlockSparseAttentionInput {
  return {
    queries: Float64Array.of(1),
    keys: new Float64Array(8),
    values: Float64Array.from({ length: 8 }, (_, j) => 2 ** j),
    blocks: Int32Array.from(blocks),
    sinks: withoutSinks(1),
    ...{ queryHeads: 1, kvHeads: 1, headDim: 1, block: 2, slots: blocks.length, start: 5 },
    ...changes,
  };
}

describe(`block-sparse attention (SEED=${SEED})`, () => {
  it("averages the keys of the selected blocks only", () => {
    assertNear(blockSparseAttention(uniform([0, 2])), [(1 + 2 + 16 + 32) / 4]);
    assertNear(blockSparseAttention(uniform([1, NO_BLOCK])), [(4 + 8) / 2]);
  });

  it("reads its own block up to its own position", () => {
    assertNear(blockSparseAttention(uniform([0, 2], { start: 4 })), [(1 + 2 + 16) / 3]);
  });

  it("lets the sink take its share of the mass", () => {
    // Four logits of 0 and a sink of ln 4: half of the mass has no value.
    const sinks = Float64Array.of(Math.log(4));
    assertNear(blockSparseAttention(uniform([0, 2], { sinks })), [(1 + 2 + 16 + 32) / 8]);
  });

  it("keeps its numbers when the sink is far above and far below every logit", () => {
    assertNear(blockSparseAttention(uniform([0, 2], { sinks: Float64Array.of(5000) })), [0]);
    assertNear(blockSparseAttention(uniform([0, 2], { sinks: Float64Array.of(-5000) })), [(1 + 2 + 16 + 32) / 4]);
  });

  for (const { name, inputs } of cases) {
    const input = inputs(SEED);
    const { queries, queryHeads, kvHeads, headDim, block, start, lists = kvHeads } = input;
    const rows = queries.length / (queryHeads * headDim);

    it(`${name}: with every block and no sink it is full attention`, () => {
      const slots = Math.ceil((start + rows) / block);
      const blocks = new Int32Array(rows * lists * slots).map((_, at) => {
        const visible = Math.floor((start + Math.floor(at / (lists * slots))) / block) + 1;
        return at % slots < visible ? at % slots : NO_BLOCK;
      });
      const all = { ...input, blocks, slots, sinks: withoutSinks(queryHeads) };
      assertNear(blockSparseAttention(all), fullAttention(input));
    });

    it(`${name}: values of one give what the sink leaves`, () => {
      const ones = input.values.map((v) => (Number.isNaN(v) ? v : 1));
      const out = blockSparseAttention({ ...input, values: ones });
      const room = input.keys.length / (kvHeads * headDim);
      out.forEach((value, at) => {
        const row = Math.floor(at / (queryHeads * headDim));
        const head = Math.floor(at / headDim) % queryHeads;
        const kvHead = Math.floor((head * kvHeads) / queryHeads);
        const list = Math.floor((head * lists) / queryHeads);
        let mass = 0;
        for (let j = 0; j <= start + row; j++) {
          const chosen = input.blocks.subarray((row * lists + list) * input.slots).subarray(0, input.slots);
          if (!chosen.includes(Math.floor(j / block))) continue;
          let dot = 0;
          for (let c = 0; c < headDim; c++) {
            dot += queries[(row * queryHeads + head) * headDim + c]! * input.keys[(kvHead * room + j) * headDim + c]!;
          }
          mass += Math.exp(dot / Math.sqrt(headDim));
        }
        assertNear([value], [1 / (1 + Math.exp(input.sinks[head]!) / mass)]);
      });
      assert.ok(out.every((value) => value > 0 && value <= 1 + 1e-12));
    });
  }
});
