import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ReferenceEngine } from "../../src/engine/reference/engine.ts";
import { describeEngine, SEED } from "./conformance.ts";
import { describeObserversAndSwaps } from "./observers-and-swaps.ts";
import { randomTokens, tinyArchitecture, tinyModel } from "./tiny-model.ts";

// Rows are computed one by one, so chunking changes nothing at all; decode logits pass through 32 bits once more.
const limits = { tolerance: 1e-6, tieGap: 1e-12 };
describeEngine("reference engine", () => Promise.resolve(new ReferenceEngine()), limits);
// Blocks of 64 are nothing new to plain loops, and slow.
describeObserversAndSwaps("reference engine", () => Promise.resolve(new ReferenceEngine()), {
  ...limits,
  subjects: ({ architecture }) => architecture.block < 64,
});

describe(`reference runner (SEED=${SEED})`, () => {
  const architecture = tinyArchitecture();
  const model = tinyModel(architecture, SEED);
  const tokens = randomTokens(architecture, 30, SEED);
  const engine = new ReferenceEngine();

  it("gives the very same bits in any chunking", async () => {
    const whole = await (await engine.load(model, "hysparse")).prefill(tokens);
    for (const chunk of [1, 7, 29]) {
      assert.deepEqual(await (await engine.load(model, "hysparse", { chunk })).prefill(tokens), whole);
    }
  });

  it("begins anew when a second prompt comes", async () => {
    const runner = await engine.load(model, "hysparse");
    await runner.prefill(tokens);
    const again = await runner.prefill(tokens.slice(0, 4));
    assert.equal(runner.length, 4);
    assert.deepEqual(again, await (await engine.load(model, "hysparse")).prefill(tokens.slice(0, 4)));
  });
});
