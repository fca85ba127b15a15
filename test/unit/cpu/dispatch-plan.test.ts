import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { chosenFrom, planDispatch } from "../../../src/engine/cpu/dispatch-plan.ts";
import { selectTopBlocks } from "../../../src/engine/cpu/top-blocks.ts";
import { OracleSelection } from "../../../src/engine/selection.ts";
import { Random } from "../../../src/model/random.ts";

const BLOCK = 8;

function randomSelection(tokens: number, slots: number, seed: number): OracleSelection {
  const random = new Random(seed);
  const selection = new OracleSelection(0, 2, slots, tokens, BLOCK);
  const blocks = Math.ceil(tokens / BLOCK);
  for (let head = 0; head < 2; head++) {
    const scores = Float32Array.from({ length: tokens * blocks }, () => random.below(50) / 50);
    selectTopBlocks(selection, scores, blocks, 0, tokens, head, BLOCK);
  }
  return selection;
}

describe("dispatch plan", () => {
  for (const [tokens, start, count] of [
    [1, 0, 1],
    [7, 0, 7],
    [8, 0, 8],
    [9, 8, 1],
    [65, 0, 65],
    [200, 100, 77],
    [300, 63, 130],
  ] as const) {
    it(`sends every pair of queries ${start} to ${start + count - 1} to its block once`, () => {
      const selection = randomSelection(tokens, 3, tokens + start);
      for (let head = 0; head < 2; head++) {
        const plan = planDispatch(chosenFrom(selection, start), head, start, count, BLOCK, 3);
        const pastPairs = plan.past.queries.length;
        assert.equal(pastPairs, plan.past.blocks.length * plan.rows);
        assert.equal(plan.diagonal.queries.length, plan.diagonal.blocks.length * plan.rows);
        assert.equal(plan.limits.length, plan.diagonal.queries.length);
        const used = new Set<number>();
        const dummy = pastPairs + plan.limits.length;
        for (let row = 0; row < count; row++) {
          const expected = selection.at(start + row, head).blocks;
          for (let slot = 0; slot < 3; slot++) {
            const place = plan.slots[row * 3 + slot]!;
            const block = expected[slot];
            if (block === undefined) {
              assert.equal(place, dummy);
              continue;
            }
            assert.ok(!used.has(place), "two pairs share a place");
            used.add(place);
            if (place < pastPairs) {
              assert.equal(plan.past.queries[place], row);
              assert.equal(plan.past.blocks[Math.floor(place / plan.rows)], block);
              assert.ok(block < Math.floor((start + row) / BLOCK), "a past block is complete");
            } else {
              const at = place - pastPairs;
              assert.equal(plan.diagonal.queries[at], row);
              assert.equal(plan.diagonal.blocks[Math.floor(at / plan.rows)]! + Math.floor(start / BLOCK), block);
              assert.equal(plan.limits[at], (start + row) % BLOCK);
            }
          }
        }
      }
    });
  }

  it("numbers blocks beyond 16 bits in a wide selection", () => {
    const selection = new OracleSelection(0, 1, 1, 10, 8);
    selection.reserve(65_536, 1);
    assert.ok(selection.blocks instanceof Uint32Array);
    assert.equal(selection.none, 0xffffffff);
  });
});
