import assert from "node:assert/strict";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { CpuEngine } from "../../src/engine/cpu/engine.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { ReferenceEngine } from "../../src/engine/reference/engine.ts";
import { WebGpuEngine } from "../../src/engine/webgpu/engine.ts";
import { loadCheckpoint } from "../../src/model/checkpoint.ts";
import type { Model } from "../../src/model/model.ts";
import { CHECKPOINTS, expectedOf, MODELS } from "../fixtures/checkpoints/fixtures.ts";
import { testGpu } from "./gpu.ts";

/** Logits of every position of `ids` [tokens, vocabulary], the last from a decode step. */
async function logitsOf(engine: Engine, model: Model, ids: readonly number[]): Promise<Float32Array> {
  const { vocabulary } = model.architecture;
  const logits = new Float32Array(ids.length * vocabulary);
  const runner = await engine.load(model, "full", { chunk: 48 });
  try {
    const observer = {
      onLogits: (start: number, rows: Float32Array): void => logits.set(rows, start * vocabulary),
    };
    await runner.prefill(Uint32Array.from(ids.slice(0, -1)), { observer });
    logits.set(await runner.decode(ids.at(-1)!), (ids.length - 1) * vocabulary);
    return logits;
  } finally {
    runner.dispose();
  }
}

/** Every family against transformers' own logits in float32 (test/fixtures/checkpoints/make.py). */
function describeFamilies(name: string, engine: () => Promise<Engine>, farthest: number): void {
  describe(`${name}: checkpoints of other makes compute what transformers does`, () => {
    const opened = engine();
    after(async () => (await opened).dispose());
    for (const family of MODELS) {
      it(family, async () => {
        const model = await loadCheckpoint(join(CHECKPOINTS, family));
        const { ids, positions, logits } = await expectedOf(family);
        const ours = await logitsOf(await opened, model, ids);
        const { vocabulary } = model.architecture;
        positions.forEach((position, row) => {
          for (let token = 0; token < vocabulary; token++) {
            const off = Math.abs(ours[position * vocabulary + token]! - logits[row * vocabulary + token]!);
            assert.ok(off <= farthest, `position ${position}, token ${token}: off by ${off}`);
          }
        });
      });
    }
  });
}

describeFamilies("reference engine", () => Promise.resolve(new ReferenceEngine()), 1e-4);
describeFamilies("CPU engine", () => Promise.resolve(new CpuEngine()), 1e-4);

const found = await testGpu();
if (found.gpu === undefined) describe("WebGPU engine on checkpoints", () => it.skip(found.why));
else {
  const { gpu } = found;
  // Weights, keys and values are rounded to 16 bits; logits reach 20.
  describeFamilies("WebGPU engine", () => WebGpuEngine.open({ gpu, arithmetic: "f32" }), 5e-2);
}
