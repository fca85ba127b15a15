import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { OracleSelection } from "../../../src/engine/selection.ts";
import { floorMs, layerCosts, withAttend, type Span } from "../../../src/profile/cost.ts";
import { selectedKeys } from "../../../src/profile/selected-keys.ts";
import { tinyArchitecture } from "../../kernels/tiny-model.ts";

const a = tinyArchitecture({ block: 8, window: 12 });
const situation = { kind: "full", oracle: false, selectedKeys: 0 } as const;

/** Query-key pairs counted one by one. */
function pairs({ from, to }: Span, most: number): number {
  let sum = 0;
  for (let t = from; t < to; t++) sum += Math.min(t + 1, most);
  return sum;
}

describe("stage costs", () => {
  for (const [from, to] of [
    [0, 1],
    [0, 11],
    [0, 12],
    [0, 13],
    [5, 40],
    [11, 12],
    [12, 40],
    [40, 44],
  ] as const) {
    it(`counts the visible pairs of queries ${from} to ${to - 1}`, () => {
      const span = { from, to, passes: 1 };
      const perPair = 4 * a.headDim * a.queryHeads;
      assert.equal(layerCosts(a, situation, span, 4).attend?.flops, perPair * pairs(span, Infinity));
      const windowed = layerCosts(a, { ...situation, kind: "window" }, span, 4);
      assert.equal(windowed.window?.flops, perPair * pairs(span, a.window));
    });
  }

  it("reads weights once per prefill and once per decoded token", () => {
    const mlpWeights = 3 * a.hidden * a.intermediate * 4;
    const rows = (count: number): number => count * 2 * a.hidden * 4;
    const prefill = layerCosts(a, situation, { from: 0, to: 10, passes: 1 }, 4);
    const decode = layerCosts(a, situation, { from: 0, to: 10, passes: 10 }, 4);
    assert.equal(prefill.mlp?.bytes, mlpWeights + rows(10));
    assert.equal(decode.mlp?.bytes, 10 * mlpWeights + rows(10));
  });

  it("charges an oracle for its scores, and the last full layer for none", () => {
    const span = { from: 0, to: 20, passes: 1 };
    const plain = layerCosts(a, situation, span, 4);
    const oracle = layerCosts(a, { ...situation, oracle: true }, span, 4);
    const blocksSeen = 8 * 1 + 8 * 2 + 4 * 3;
    assert.equal(oracle.score!.bytes - plain.attend!.bytes, blocksSeen * a.kvHeads * 4);
    assert.equal(plain.score, undefined);
    assert.equal(withAttend(oracle).attend?.flops, plain.attend?.flops);
  });

  it("counts the indices that select writes and sparse reads, and both branches and gates that output mixes", () => {
    const span = { from: 0, to: 20, passes: 1 };
    const slots = a.selectedTokens / a.block;
    assert.equal(slots, 2, "two blocks are selected from the third on");
    const indices = (8 * 1 + 12 * 2) * a.kvHeads * 2;
    const scores = (8 * 1 + 8 * 2 + 4 * 3) * a.kvHeads * 4;
    const oracle = layerCosts(a, { ...situation, oracle: true }, span, 4);
    assert.equal(oracle.select?.bytes, scores + indices);
    const sparse = layerCosts(a, { ...situation, kind: "sparse", selectedKeys: 100 * a.kvHeads }, span, 4);
    const values = a.queryHeads * a.headDim;
    assert.equal(sparse.sparse?.bytes, 20 * 2 * values * 4 + 20 * 2 * a.kvHeads * a.headDim * 4 + indices);
    const window = layerCosts(a, { ...situation, kind: "window" }, span, 4);
    assert.equal(sparse.output!.bytes - window.output!.bytes, 20 * (values + 2 * a.queryHeads) * 4);
  });

  it("takes the slower of arithmetic and copying as the floor", () => {
    const ceilings = { matrixGflops: 100, copyGBps: 10, method: "" };
    assert.equal(floorMs({ flops: 1e9, bytes: 1e6 }, ceilings), 10);
    assert.equal(floorMs({ flops: 1e6, bytes: 1e9 }, ceilings), 100);
  });
});

describe("keys read through a selection", () => {
  it("counts whole blocks, and the own one up to the query", () => {
    const selection = new OracleSelection(0, 1, 2, 20, 8);
    selection.blocks.fill(selection.none);
    selection.blocks.set([0, 1], 10 * 2);
    selection.blocks.set([1], 11 * 2);
    assert.equal(selectedKeys(selection, 10, 12, 8), 8 + 3 + 4);
  });
});
