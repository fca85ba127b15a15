import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { OracleSelection } from "../../../src/engine/selection.ts";
import type { Span } from "../../../src/designs/costs.ts";
import { planOf } from "../../../src/designs/designs.ts";
import { withParameters } from "../../../src/designs/laid.ts";
import { floorMs, layerCosts, withAttend } from "../../../src/profile/cost.ts";
import { selectedKeys } from "../../../src/profile/selected-keys.ts";
import { tinyArchitecture } from "../../kernels/tiny-model.ts";

const a = tinyArchitecture({ block: 8, window: 12 });
const situation = { plan: planOf(a, "full")[0]!, selectedKeys: 0 };
const windowOnly = { plan: planOf(a, "hybrid-swa")[1]!, selectedKeys: 0 };
const oracle = { plan: planOf(a, "hysparse")[0]!, selectedKeys: 0 };

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
      const windowed = layerCosts(a, windowOnly, span, 4);
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
    const dense = layerCosts(a, situation, span, 4);
    const scoring = layerCosts(a, oracle, span, 4);
    const blocksSeen = 8 * 1 + 8 * 2 + 4 * 3;
    assert.equal(scoring.score!.bytes - dense.attend!.bytes, blocksSeen * a.kvHeads * 4);
    assert.deepEqual(layerCosts(a, { plan: planOf(a, "hysparse").at(-1)!, selectedKeys: 0 }, span, 4), dense);
    assert.equal(withAttend(scoring).attend?.flops, dense.attend?.flops);
  });

  it("charges a layer that keeps the first tokens and a window for both", () => {
    const keeps = { kind: "ring", tokens: 12, first: 4 } as const;
    const streaming = { plan: { mixer: "streaming", keeps, scores: false, feeds: [] }, selectedKeys: 0 } as const;
    const span = { from: 30, to: 33, passes: 1 };
    const perRow = 2 * a.kvHeads * a.headDim * 4;
    const { window } = layerCosts(a, streaming, span, 4);
    assert.equal(window?.flops, 4 * a.headDim * a.queryHeads * 3 * 16);
    // The window before the first query, the three of the span, and the first four.
    assert.equal(window.bytes, 3 * 2 * a.queryHeads * a.headDim * 4 + (12 + 3 + 4) * perRow);
  });

  it("charges query heads that choose for themselves for what they read, and for judging more blocks than they may", () => {
    const [B, top] = [8, 3];
    const keeps = { kind: "all", means: B } as const;
    const plan = { mixer: "moba", keeps, gate: { top, decode: "chosen" }, scores: false, feeds: [] } as const;
    for (const span of [
      { from: 0, to: 20, passes: 1 },
      { from: 0, to: 45, passes: 1 },
      { from: 37, to: 41, passes: 4 },
    ]) {
      const { select, sparse } = layerCosts(a, { plan, selectedKeys: 0 }, span, 4);
      let [keys, judged] = [0, 0];
      for (let t = span.from; t < span.to; t++) {
        const before = Math.floor(t / B);
        keys += before < top ? t + 1 : (top - 1) * B + (t % B) + 1;
        judged += before < top ? 0 : before;
      }
      const queries = span.to - span.from;
      assert.equal(sparse?.flops, 4 * a.headDim * a.queryHeads * keys);
      assert.equal(select?.flops, a.headDim * (2 * a.queryHeads * judged + a.kvHeads * queries));
    }
    const dense = { plan: { ...plan, gate: { top, decode: "dense" } }, selectedKeys: 0 } as const;
    assert.deepEqual(
      layerCosts(a, dense, { from: 37, to: 41, passes: 4 }, 4),
      layerCosts(a, situation, { from: 37, to: 41, passes: 4 }, 4),
    );
  });

  it("charges NSA for its maps, for the compressed keys that each query sees, for the blocks it reads, and for its window", () => {
    const [l, d, B, n, w] = [4, 2, 8, 3, 5];
    const architecture = withParameters(a, "nsa", { compress: l, stride: d, block: B, blocks: n, window: w });
    const plan = planOf(architecture, "nsa")[0]!;
    for (const span of [
      { from: 0, to: 45, passes: 1 },
      { from: 37, to: 41, passes: 4 },
    ]) {
      const costs = layerCosts(a, { plan, selectedKeys: 0 }, span, 4);
      let [seen, read, near, made] = [0, 0, 0, 0];
      for (let t = span.from; t < span.to; t++) {
        for (let i = 0; i * d + l - 1 <= t; i++) {
          seen++;
          if (i * d + l - 1 === t) made++;
        }
        read += Math.min(Math.floor(t / B), n - 1) * B + (t % B) + 1;
        near += Math.min(t + 1, w);
      }
      const perKey = 4 * a.headDim * a.queryHeads;
      const maps = 4 * made * a.kvHeads * (l * a.headDim + a.headDim) * a.headDim;
      assert.equal(costs.compress?.flops, perKey * seen + maps);
      assert.equal(costs.sparse?.flops, perKey * read);
      assert.equal(costs.window?.flops, perKey * near);
      const widths = (a.queryHeads + 6 * a.kvHeads) * a.headDim + 3 * a.queryHeads;
      assert.equal(costs.project?.flops, 2 * (span.to - span.from) * a.hidden * widths);
    }
  });

  it("counts the indices that select writes and sparse reads, and both branches and gates that output mixes", () => {
    const span = { from: 0, to: 20, passes: 1 };
    const slots = a.selectedTokens / a.block;
    assert.equal(slots, 2, "two blocks are selected from the third on");
    const indices = (8 * 1 + 12 * 2) * a.kvHeads * 2;
    const scores = (8 * 1 + 8 * 2 + 4 * 3) * a.kvHeads * 4;
    assert.equal(layerCosts(a, oracle, span, 4).select?.bytes, scores + indices);
    const reading = { plan: planOf(a, "hysparse")[1]!, selectedKeys: 100 * a.kvHeads };
    const sparse = layerCosts(a, reading, span, 4);
    const values = a.queryHeads * a.headDim;
    assert.equal(sparse.sparse?.bytes, 20 * 2 * values * 4 + 20 * 2 * a.kvHeads * a.headDim * 4 + indices);
    const window = layerCosts(a, windowOnly, span, 4);
    assert.equal(sparse.output!.bytes - window.output!.bytes, 20 * (values + 2 * a.queryHeads) * 4);
  });

  it("takes the slower of arithmetic and moving bytes as the floor", () => {
    const ceilings = { matrixGflops: 100, copyGBps: 10, reads: [], method: "" };
    assert.equal(floorMs({ flops: 1e9, bytes: 1e6 }, ceilings), 10);
    assert.equal(floorMs({ flops: 1e6, bytes: 1e9 }, ceilings), 100);
  });

  it("takes the best rate seen for so many bytes or more, also where they move in pieces", () => {
    const reads = [1e6, 1e7, 1e8, 1e9].map((bytes, i) => ({ bytes, GBps: [100, 40, 50, 8][i]! }));
    const ceilings = { matrixGflops: 100, copyGBps: 10, reads, method: "" };
    const rate = (bytes: number, pieces?: number): number =>
      bytes / 1e6 / floorMs({ flops: 0, bytes }, ceilings, pieces);
    const rates = (...sizes: number[]): number[] => sizes.map((bytes) => Math.round(rate(bytes)));
    assert.deepEqual(
      rates(1e3, 1e6, 9e6),
      [100, 100, 100],
      "a cache may serve what is smaller than the next size measured",
    );
    assert.deepEqual(rates(1e7, 5e7, 1e8, 9e8), [50, 50, 50, 50], "a dip is a bad moment: more bytes were faster");
    assert.deepEqual(rates(1e9, 1e12), [10, 10], "the copy was faster than reading");
    assert.equal(Math.round(rate(1e9, 4)), 50);
    assert.equal(Math.round(rate(1e7, 4)), 100);
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
