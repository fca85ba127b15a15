import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { CpuEngine } from "../../src/engine/cpu/engine.ts";
import { VARIANTS, type Engine } from "../../src/engine/engine.ts";
import { WebGpuEngine } from "../../src/engine/webgpu/engine.ts";
import { loadModel } from "../../src/model/models.ts";
import type { Model } from "../../src/model/model.ts";
import { packageFile } from "../../src/model/package-root.ts";
import { profile } from "../../src/profile/profile.ts";
import { testGpu } from "../kernels/gpu.ts";
import { tinyArchitecture, tinyModel } from "../kernels/tiny-model.ts";

const SAMPLE = readFileSync(packageFile("media/samples/design-note.md"), "utf8");

/**
 * Every stage of a real run as a share of the limit: its floor over the shortest time that was measured. A share above 1 is
 * a ceiling that is none, or bytes and operations that the stage need not have moved and done.
 */
async function shares(engine: Engine, model: Model, maxTokens: number): Promise<Map<string, number>> {
  const report = await profile({
    document: { name: "design-note.md", text: SAMPLE },
    model,
    engine,
    engineReason: "a test",
    variants: VARIANTS,
    decodeTokens: 4,
    repetitions: 3,
    warmup: 1,
    maxTokens,
    importance: "last-token",
    includeText: false,
    measurePeak: () => Promise.resolve(1),
  });
  const found = new Map<string, number>();
  for (const variant of VARIANTS) {
    for (const layer of report.variants[variant]?.layers ?? []) {
      for (const phase of ["prefill", "decode"] as const) {
        for (const [stage, { minMs, floorMs }] of Object.entries(layer[phase]?.stages ?? {})) {
          found.set(`${variant} layer ${layer.index} ${phase} ${stage}`, floorMs / minMs);
        }
      }
    }
  }
  return found;
}

function assertBelowTheLimit(found: ReadonlyMap<string, number>): void {
  const above = [...found].filter(([, share]) => !(share > 0 && share <= 1));
  assert.deepEqual(above, [], "stages that were faster than their floor, with their shares of the limit");
}

describe("the floor of every stage is one", () => {
  it("on the CPU", { timeout: 600_000 }, async () => {
    const engine = new CpuEngine();
    try {
      const found = await shares(engine, await loadModel("embedded"), 1200);
      assert.ok(found.size > 300, `${found.size} stages`);
      assertBelowTheLimit(found);
      // A limit that nothing comes near would hold as well.
      assert.ok(found.get("full layer 0 prefill mlp")! > 0.1);
    } finally {
      await engine.dispose();
    }
  });

  it("on a GPU", { timeout: 600_000 }, async (t) => {
    const { gpu, ...rest } = await testGpu();
    if (gpu === undefined) {
      t.skip("why" in rest ? rest.why : "");
      return;
    }
    const engine = await WebGpuEngine.open({ gpu });
    try {
      const model: Model = { ...tinyModel(tinyArchitecture({ maxContext: 100 }), 5), origin: "trained" };
      assertBelowTheLimit(await shares(engine, model, 100));
    } finally {
      await engine.dispose();
    }
  });
});
