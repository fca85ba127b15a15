import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FORCED } from "../../../kernels/block-importance/block-importance.ts";
import { blockImportance } from "../../../kernels/block-importance/reference.ts";
import { compressedBlocks } from "../../../kernels/compress-blocks/compress-blocks.ts";
import { compressBlocks } from "../../../kernels/compress-blocks/reference.ts";
import { compressedAttention } from "../../../kernels/compressed-attention/reference.ts";

const paper = { block: 32, stride: 16 };

describe("compressed keys, and what queries make of blocks by them", () => {
  it("counts a block once all its tokens are there", () => {
    assert.deepEqual(
      [0, 31, 32, 47, 48, 64].map((tokens) => compressedBlocks(paper, tokens)),
      [0, 0, 1, 1, 2, 3],
    );
  });

  it("maps the rows of a block with those of its places added, head by head", () => {
    // Two heads of two values, positions 1 to 3; the block of positions 2 and 3. Inner sums of 50 leave SiLU as they are.
    const rows = Float64Array.of(NaN, NaN, 10, 0, 20, 1, NaN, NaN, 30, 5, 40, 5);
    const map = {
      position: Float64Array.of(1, 0, 19, -1),
      inner: Float64Array.of(1, 0, 1, 0, 0, 10, 0, 50),
      outer: Float64Array.of(1, 0, 1, 1),
    };
    const made = compressBlocks({
      ...{ rows, from: 1, map, kvHeads: 2, headDim: 2, block: 2, stride: 2 },
      ...{ first: 1, end: 2 },
    });
    assert.deepEqual([...made].slice(0, 2), [50, 50]);
    assert.ok(Math.abs(made[2]! - 90) < 1e-9 && Math.abs(made[3]! - 340) < 1e-9);
  });

  it("gives zeros to queries that see no block yet, and shares out one softmax among those seen", () => {
    const keys = Float64Array.of(0, Math.log(3), NaN);
    const { out, probabilities } = compressedAttention({
      ...{ queries: Float64Array.of(1, 1, 1, 1, 1), keys, values: Float64Array.of(8, 4, NaN) },
      ...{ queryHeads: 1, kvHeads: 1, headDim: 1, start: 0, block: 2, stride: 2 },
    });
    assert.deepEqual([...probabilities].slice(0, 6), [0, 0, 1, 0, 1, 0]);
    assert.deepEqual([...out].slice(0, 3), [0, 8, 8]);
    for (const t of [3, 4]) assert.ok(Math.abs(out[t]! - 5) < 1e-12);
  });

  it("weighs compressed blocks 1, 2, 2, 2, 1 around a block of four strides, over the heads of a group, and forces the ends", () => {
    // The query at 383 stands in block 5. Powers of ten tell compressed blocks 7 to 11 apart: strides 7 to 12, those of block 2 and its neighbours.
    const start = 383;
    const compressed = compressedBlocks(paper, start + 1);
    const weights = Array.from({ length: compressed }, (_, i) => (i >= 7 && i <= 11 ? 10 ** (i - 7) : 0));
    const input = { rows: 1, queryHeads: 2, kvHeads: 1, select: 64, start, ...paper };
    const scores = blockImportance({ probabilities: Float64Array.from([...weights, ...weights]), ...input });
    assert.deepEqual([...scores], [FORCED, 2, 2 * 12_221, 2 * 10_000, FORCED, FORCED]);
  });
});
