import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { blockGate } from "../../../kernels/block-gate/reference.ts";
import { blockMeans } from "../../../kernels/block-means/reference.ts";

describe("means of blocks, and what query heads make of them", () => {
  it("takes the mean of the keys of full blocks only, head by head", () => {
    // Two KV heads of one value, blocks of two, five positions and one of room.
    const keys = Float64Array.of(1, 3, 5, 9, 100, NaN, -1, 0, 2, 2, 7, NaN);
    const means = blockMeans({ keys, kvHeads: 2, headDim: 1, block: 2, tokens: 5 });
    assert.deepEqual([...means], [2, 7, -0.5, 2]);
  });

  it("multiplies a query head with the means of its KV head, unscaled, up to the query's own block", () => {
    // Heads 0 and 1 read KV head 0, 2 and 3 the other; queries at positions 3 (block 1) and 4 (block 2).
    const queries = Float64Array.of(1, 2, 3, 4, 10, 20, 30, 40);
    const means = Float64Array.of(2, 7, NaN, -0.5, 2, NaN);
    const scores = blockGate({ queries, means, queryHeads: 4, kvHeads: 2, headDim: 1, block: 2, start: 3 });
    assert.deepEqual(
      [...scores],
      [...[2, 0, 0, 4, 0, 0, -1.5, 0, 0, -2, 0, 0], ...[20, 70, 0, 40, 140, 0, -15, 60, 0, -20, 80, 0]],
    );
  });
});
