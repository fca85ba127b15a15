import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { utimes } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { floatBytes, floatModel } from "../../../src/engine/float-model.ts";
import { UserError } from "../../../src/model/errors.ts";
import { loadModel } from "../../../src/model/models.ts";
import type { Model } from "../../../src/model/model.ts";
import type { LazyTensor } from "../../../src/model/tensor.ts";
import { checkMemory } from "../../../src/profile/memory-check.ts";
import { ReferenceEngine } from "../../../src/engine/reference/engine.ts";
import { tinyModel, withCheckpoint } from "../../fixtures/model/checkpoint-folder.ts";

/** A model whose tensors count how often they are read. */
function counted(): { model: Model; reads: () => number } {
  const made = tinyModel();
  let reads = 0;
  const counting = new Map<LazyTensor, LazyTensor>();
  const watch = (tensor: LazyTensor): LazyTensor => {
    const watched = counting.get(tensor) ?? {
      ...tensor,
      read: (out, from) => {
        reads++;
        return tensor.read(out, from);
      },
    };
    counting.set(tensor, watched);
    return watched;
  };
  const all = <T extends object>(tensors: T): T =>
    Object.fromEntries(
      Object.entries(tensors).map(([name, part]: [string, object]) => [
        name,
        "shape" in part ? watch(part as LazyTensor) : all(part),
      ]),
    ) as T;
  const { embedding, finalNorm, head } = made.weights;
  const layers = Array.from({ length: made.architecture.layers }, (_, index) => all(made.weights.layer(index)));
  const weights = { ...all({ embedding, finalNorm, head }), layer: (index: number) => layers[index]! };
  return { model: { ...made, weights }, reads: () => reads };
}

describe("the weights of a model", () => {
  it("are read once, whoever loads it", async () => {
    const { model, reads } = counted();
    const bytes = floatBytes(model);
    assert.equal(bytes, 4 * model.parameters);
    const [one, two] = await Promise.all([floatModel(model), floatModel({ ...model, name: "the same" })]);
    const once = reads();
    assert.equal(one.weights.layer(2).down, two.weights.layer(2).down);
    assert.equal(one.weights.head, one.weights.embedding, "tied");
    assert.equal(floatBytes(model), 0);
    await floatModel(model, 0);
    assert.equal(reads(), once, "they take no more memory, and none is asked for");
    assert.ok(once <= 2 + 13 * model.architecture.layers, `${once} reads`);
  });

  it("are refused before any is read where memory does not hold them", async () => {
    const { model, reads } = counted();
    const [needed, there] = [floatBytes(model), 1024];
    await assert.rejects(floatModel(model, there), (error: unknown) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /^the weights of tiny need 40\.0 KiB as float32, and 1 KiB of memory are free/);
      assert.match(error.message, /choose a smaller model/);
      return true;
    });
    assert.equal(reads(), 0);
    await floatModel(model, needed);
  });

  it("count for a run while they are not held", async () => {
    const { model } = counted();
    const engine = new ReferenceEngine();
    const document = { name: "d", text: "" };
    const request = {
      ...{ engine, model, document, variants: ["full" as const], repetitions: 1, decodeTokens: 1 },
      ...{
        engineReason: "",
        measurePeak: () => Promise.resolve(1),
        warmup: 1,
        importance: "document" as const,
        includeText: false,
      },
    };
    const run = engine.estimateBytes(model, "full", 6);
    assert.throws(() => checkMemory(request, 5, run), /need about .*, weights included, and .* are available/);
    checkMemory(request, 5, run + floatBytes(model));
    await floatModel(model);
    checkMemory(request, 5, run);
    assert.throws(() => checkMemory(request, 5, run - 1), /need about .* beside the weights and .* are available/);
  });

  it("can be asked for again after a failure, and are never those of another file", async () => {
    await withCheckpoint({}, async (folder) => {
      const model = await loadModel(folder);
      await utimes(join(folder, "model.safetensors"), 0, 0);
      for (let attempt = 0; attempt < 2; attempt++) {
        await assert.rejects(floatModel(model), (error: unknown) => {
          assert.ok(error instanceof UserError);
          assert.match(error.message, /model\.safetensors changed after the model was loaded/);
          return true;
        });
      }
      assert.equal(floatBytes(model), 4 * model.parameters, "nothing is held");
    });
  });
});

describe("loading the embedded model", () => {
  for (const engine of ["cpu", "webgpu"]) {
    it(`takes less than 1.3 times the weights that it ends with: ${engine}`, async () => {
      const child = fileURLToPath(new URL("fixtures/load-embedded.ts", import.meta.url));
      const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", "--import", "tsx", child, engine]);
      const { took, bytes } = JSON.parse(stdout) as { took: number; bytes: number };
      assert.ok(took < 1.3 * bytes, `${took} bytes for ${bytes} of weights`);
    });
  }
});
