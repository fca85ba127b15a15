import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { NO_BLOCK, OWN_BLOCK } from "../../../kernels/block-topk/block-topk.ts";
import { cases } from "../../../kernels/block-topk/cases.ts";
import { blockTopk } from "../../../kernels/block-topk/reference.ts";
import { assertNear, SEED } from "./near.ts";

/** One query at the end of `scores.length` blocks of 4, one KV head. */
function choose(
  scores: number[],
  slots: number,
  start = scores.length * 4 - 1,
): { blocks: number[]; scores: number[] } {
  const input = { kvHeads: 1, blocks: scores.length, slots, block: 4, start };
  const result = blockTopk({ scores: Float64Array.from(scores), ...input });
  return { blocks: [...result.blocks], scores: [...result.scores] };
}

describe(`block top-k (SEED=${SEED})`, () => {
  it("takes the highest scores and lists them ascending", () => {
    assert.deepEqual(choose([0.1, 0.5, 0.2, 0.9, 0.3], 3), { blocks: [1, 3, 4], scores: [0.5, 0.9, 0.3] });
  });

  it("gives ties to the lower block", () => {
    assert.deepEqual(choose([0.2, 0.5, 0.2, 0.2, 0.5], 3).blocks, [0, 1, 4]);
    assert.deepEqual(choose([0.3, 0.3, 0.3, 0.3], 2).blocks, [0, 1]);
  });

  it("takes all blocks when fewer are visible than slots, and marks the rest", () => {
    assert.deepEqual(choose([0.4, 0.6], 4), { blocks: [0, 1, NO_BLOCK, NO_BLOCK], scores: [0.4, 0.6, 0, 0] });
  });

  it("takes the query's own block by merit only", () => {
    assert.deepEqual(choose([0.5, 0.4, 0.1], 2).blocks, [0, 1]);
    assert.deepEqual(choose([0.5, 0.1, 0.4], 2).blocks, [0, 2]);
  });

  it("takes the query's own block whatever its score where the caller asks, and it counts", () => {
    const own = (scores: number[], slots: number): number[] => [
      ...blockTopk({
        scores: Float64Array.from(scores),
        ...{ kvHeads: 1, blocks: scores.length, slots, block: 4, start: 4 * scores.length - 1, forced: OWN_BLOCK },
      }).blocks,
    ];
    assert.deepEqual(own([-0.5, -0.1, -0.4, -9], 2), [1, 3]);
    assert.deepEqual(own([0.5, 0.5, 0.5, 0], 3), [0, 1, 3]);
    assert.deepEqual(own([0.5, 0.1, 0], 1), [2]);
    assert.deepEqual(own([0.5, 0], 3), [0, 1, NO_BLOCK]);
  });

  it("never takes a block that begins after the query, whatever its score", () => {
    assert.deepEqual(choose([0.1, 0.2, 0.9], 2, 7).blocks, [0, 1]);
    assert.deepEqual(choose([0.1, 0.2, 0.9], 2, 3).blocks, [0, NO_BLOCK]);
    assert.deepEqual(choose([0.1, 0.2, 0.9], 2, 8).blocks, [1, 2]);
  });

  for (const { name, inputs } of cases) {
    it(`${name}: agrees with repeated search for the first maximum`, () => {
      const input = inputs(SEED);
      const { scores, kvHeads, blocks, slots, block, start, forced = { first: 0, last: 0 } } = input;
      const result = blockTopk(input);
      for (let pair = 0; pair < scores.length / blocks; pair++) {
        const visible = Math.ceil((start + Math.floor(pair / kvHeads) + 1) / block);
        const left = [...scores.subarray(pair * blocks, pair * blocks + visible)];
        const taken = left.flatMap((_, i) => (i < forced.first || i >= visible - forced.last ? [i] : []));
        for (const i of taken) left[i] = -Infinity;
        while (taken.length < Math.min(slots, visible)) {
          const first = left.indexOf(Math.max(...left));
          taken.push(first);
          left[first] = -Infinity;
        }
        taken.sort((a, b) => a - b);
        const unused = Array<number>(slots - taken.length);
        const kept = result.blocks.subarray(pair * slots, (pair + 1) * slots);
        assert.deepEqual([...kept], [...taken, ...unused.fill(NO_BLOCK)], `pair ${pair}`);
        assertNear(result.scores.subarray(pair * slots, (pair + 1) * slots), [
          ...taken.map((i) => scores[pair * blocks + i]!),
          ...unused.fill(0),
        ]);
      }
    });
  }
});
