import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { caveatsOf, planOf } from "../../src/designs/designs.ts";
import { withParameters } from "../../src/designs/laid.ts";
import { CpuEngine } from "../../src/engine/cpu/engine.ts";
import { loadKernels } from "../../src/engine/cpu/kernels/load.ts";
import { loadWasm } from "../../src/engine/cpu/kernels/wasm.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { floatBytes, floatModel } from "../../src/engine/float-model.ts";
import { ReferenceEngine } from "../../src/engine/reference/engine.ts";
import { withExtraWeights } from "../../src/model/extra-weights.ts";
import type { LayerWeights, Model } from "../../src/model/model.ts";
import { predictedKvBytes } from "../../src/profile/kv.ts";
import { arrayTensor } from "../fixtures/model/tensors.ts";
import { assertClose } from "./compare.ts";
import { SEED } from "./conformance.ts";
import { assertNsa, gatedModel, nsaModel, SHAPES, traced } from "./nsa-cases.ts";
import { tinyArchitecture, tinyModel } from "./tiny-model.ts";

const ENGINES: readonly (readonly [string, Engine, number])[] = [
  ["reference", new ReferenceEngine(), 1e-6],
  ["cpu", new CpuEngine(undefined, loadKernels, "kernels"), 1e-4],
  ["cpu, as WebAssembly", new CpuEngine(2, () => ({ build: loadWasm() }), "kernels"), 1e-4],
];

describe(`NSA (SEED=${SEED})`, () => {
  for (const [name, engine, tolerance] of ENGINES) {
    // The build has no say in how queries are grouped: one shape is enough for the second.
    const shapes = Object.entries(SHAPES).slice(0, name.includes("WebAssembly") ? 1 : undefined);
    for (const [what, shape] of shapes) {
      it(`${name}: is its definition, in prefill and in decode: ${what}`, async () => {
        const { compress } = shape;
        for (const [prompt, decoded] of [
          [1, 0],
          [compress, compress + 2],
          [70, 5],
        ] as const) {
          await assertNsa(engine, shape, { prompt, decoded, chunk: 20 }, { tolerance, gap: tolerance / 10 });
        }
      });
    }

    it(`${name}: with one gate open it is that branch alone; all blocks selected, full attention`, async () => {
      const shape = { compress: 4, stride: 2, block: 8, blocks: 10, window: 5 };
      const run = { prompt: 70, decoded: 3, chunk: 20 };
      const selecting = await traced(engine, gatedModel(shape, "select"), "nsa", run);
      assertClose(
        selecting.logits,
        (await traced(engine, gatedModel(shape), "full", run)).logits,
        tolerance,
        "selection",
      );

      const model = gatedModel(shape, "window");
      const { windowK: k, windowV: v } = withExtraWeights(model, planOf(model.architecture, "nsa")).weights.layer(
        0,
      ).extra!;
      const layer = { ...model.weights.layer(0), k: k!, v: v! };
      const architecture = withParameters(model.architecture, "streaming", { first: 0, window: shape.window });
      const alone: Model = { ...model, architecture, weights: { ...model.weights, layer: () => layer } };
      const near = await traced(engine, model, "nsa", run);
      assertClose(near.logits, (await traced(engine, alone, "streaming", run)).logits, tolerance, "window");
    });
  }

  it("gives for decoded tokens what a longer prompt gives", async () => {
    const [engine, model] = [new ReferenceEngine(), nsaModel(SHAPES["G = 2"]!)];
    const whole = await traced(engine, model, "nsa", { prompt: 60, decoded: 0, chunk: 60 });
    const decoded = await traced(engine, model, "nsa", { prompt: 41, decoded: 19, chunk: 7 });
    assertClose(decoded.logits, whole.logits, 1e-6, "logits");
  });

  it("keeps all keys and values, those of a window, those not yet compressed, and the compressed ones", () => {
    const plain = tinyArchitecture({ layers: 2 });
    for (const tokens of [1, 63, 64, 65, 4096, 32_768]) {
      const compressed = tokens < 32 ? 0 : Math.floor((tokens - 32) / 16) + 1;
      const rows = tokens + Math.min(tokens, 512) + Math.min(tokens, 32) + compressed;
      const bytes = 2 * plain.kvHeads * plain.headDim * 2 * rows;
      assert.deepEqual(predictedKvBytes(plain, "nsa", tokens, 2), [bytes, bytes]);
    }
  });

  it("makes up the tensors that weights lack, once for all runners, and takes those that there are", async () => {
    const plain = tinyArchitecture({ layers: 2 });
    const model = tinyModel(plain, SEED);
    const plan = planOf(plain, "nsa");
    assert.equal(withExtraWeights(model, planOf(plain, "full")), model);
    const whole = withExtraWeights(model, plan);
    const again = withExtraWeights({ ...model, name: "the same" }, plan);
    assert.equal(whole.weights.layer(1), again.weights.layer(1));
    const [one, two] = [await floatModel(whole), await floatModel(whole)].map(({ weights }) => weights.layer(0).extra!);
    assert.equal(one!["mapKInner"], two!["mapKInner"]);
    assert.notDeepEqual(one!["windowK"], (await floatModel(whole)).weights.layer(1).extra!["windowK"]);
    assert.equal(floatBytes(whole), 0);

    const own = arrayTensor(new Float32Array(plain.queryHeads * plain.hidden));
    const layer: LayerWeights = { ...model.weights.layer(0), extra: { selectGate: own } };
    const having = withExtraWeights({ ...model, weights: { ...model.weights, layer: () => layer } }, plan);
    assert.equal(having.weights.layer(0).extra!["selectGate"], own);
  });

  it("says that its times are real and its selection is not, and where it reads everything", () => {
    const plain = tinyArchitecture();
    const [everything, random] = caveatsOf(plain, "nsa", 1024);
    assert.match(everything!, /selection reads everything here: 16 blocks of 64 tokens/);
    assert.match(random!, /Latency and memory under NSA are real, what it selects and writes is not: .* are random/);
    assert.deepEqual(caveatsOf(plain, "nsa", 1025), [random]);
  });
});
