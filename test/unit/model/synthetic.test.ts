import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadTokenizer } from "../../../src/model/bpe.ts";
import { UserError } from "../../../src/model/errors.ts";
import { Random } from "../../../src/model/random.ts";
import { syntheticModel } from "../../../src/model/synthetic.ts";
import { toHalves } from "../../../src/model/float16.ts";
import { parameterCount } from "../../../src/model/tensors.ts";
import { TINY, TINY_TOKENIZER } from "../../fixtures/model/checkpoint-folder.ts";
import { floatsOf } from "../../fixtures/model/tensors.ts";

const tokenizer = loadTokenizer(TINY_TOKENIZER, "tiny");

function spread(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}

describe("syntheticModel", () => {
  it("is the same for the same seed, in any order of asking", async () => {
    for (const perLayer of [true, false]) {
      const one = syntheticModel("m", TINY, tokenizer, { seed: 3, perLayer }).weights;
      const two = syntheticModel("m", TINY, tokenizer, { seed: 3, perLayer }).weights;
      const other = syntheticModel("m", TINY, tokenizer, { seed: 4, perLayer }).weights;
      const last = await floatsOf(two.layer(3).q);
      assert.deepEqual(await floatsOf(one.embedding), await floatsOf(two.embedding));
      assert.deepEqual(await floatsOf(one.layer(3).q), last);
      assert.notDeepEqual(await floatsOf(other.layer(3).q), last);
    }
  });

  it("shares one object per kind and the large arrays between kinds", () => {
    const { weights } = syntheticModel("m", TINY, tokenizer, { seed: 1, perLayer: false });
    assert.equal(weights.layer(0), weights.layer(3));
    assert.equal(weights.layer(1), weights.layer(2));
    assert.equal(weights.layer(0).down, weights.layer(1).down);
    assert.equal(weights.layer(0).sparse, undefined);
    assert.equal(weights.layer(1).sparse?.sparseSinks.shape[0], TINY.queryHeads);
    assert.equal(weights.head, weights.embedding);
  });

  it("gives every layer its own values when asked to", async () => {
    const untied = { ...TINY, tieEmbeddings: false };
    const { weights } = syntheticModel("m", untied, tokenizer, { seed: 1, perLayer: true });
    assert.equal(weights.layer(1), weights.layer(1));
    const q = await floatsOf(weights.layer(1).q);
    assert.notDeepEqual(q, await floatsOf(weights.layer(2).q));
    assert.notDeepEqual(q, await floatsOf(weights.layer(1).o));
    assert.notDeepEqual(await floatsOf(weights.head), await floatsOf(weights.embedding));
    assert.throws(() => weights.layer(4), RangeError);
  });

  it("gives any part of a tensor, as either type that engines keep", async () => {
    for (const perLayer of [true, false]) {
      const { embedding } = syntheticModel("m", TINY, tokenizer, { seed: 1, perLayer }).weights;
      const whole = await floatsOf(embedding);
      const part = new Float32Array(100);
      await embedding.read(part, 700);
      assert.deepEqual(part, whole.slice(700, 800));
      const halves = new Uint16Array(100);
      await embedding.read(halves, 700);
      assert.deepEqual(halves, toHalves(part));
    }
  });

  it("scales values by their inputs, and the residual projections by depth", async () => {
    const wide = { ...TINY, hidden: 256, intermediate: 512 };
    for (const perLayer of [true, false]) {
      const layer = syntheticModel("m", wide, tokenizer, { seed: 1, perLayer }).weights.layer(1);
      assert.ok(Math.abs(spread(await floatsOf(layer.gate)) * Math.sqrt(256) - 1) < 0.03);
      assert.ok(Math.abs(spread(await floatsOf(layer.down)) * Math.sqrt(512 * 2 * 4) - 1) < 0.03);
      assert.ok((await floatsOf(layer.inputNorm)).every((value) => value === 1));
    }
  });

  it("has no sinks where the architecture has none", async () => {
    const { weights } = syntheticModel("m", { ...TINY, sinks: false }, tokenizer, { seed: 1, perLayer: true });
    const sinks = await floatsOf(weights.layer(1).sparse!.windowSinks);
    assert.ok(sinks.every((value) => value === -Infinity));
  });

  it("counts the parameters of the architecture and refuses a tokenizer with more tokens than rows", () => {
    assert.equal(syntheticModel("m", TINY, tokenizer, { seed: 1, perLayer: false }).parameters, parameterCount(TINY));
    const small = { ...TINY, vocabulary: 299 };
    assert.throws(() => syntheticModel("m", small, tokenizer, { seed: 1, perLayer: true }), UserError);
  });
});

describe("Random", () => {
  it("gives normal values", () => {
    const values = new Random(1).gaussians(100_001);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    assert.ok(Math.abs(mean) < 0.01 && Math.abs(spread(values) - 1) < 0.01);
    assert.ok(values.every(Number.isFinite));
  });
});
