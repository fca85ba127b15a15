import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { CpuEngine } from "../../src/engine/cpu/engine.ts";
import type { Engine, Variant } from "../../src/engine/engine.ts";
import { WebGpuEngine } from "../../src/engine/webgpu/engine.ts";
import { loadModel } from "../../src/model/models.ts";
import { PRESETS } from "../../src/model/presets.ts";
import { syntheticModel } from "../../src/model/synthetic.ts";
import type { Model } from "../../src/model/model.ts";
import { packageFile } from "../../src/model/package-root.ts";
import { profile } from "../../src/profile/profile.ts";
import { testGpu } from "../kernels/gpu.ts";
import { tinyArchitecture, tinyModel } from "../kernels/tiny-model.ts";

const VARIANTS: readonly Variant[] = ["full", "hysparse", "hybrid-swa"];
const SAMPLE = readFileSync(packageFile("media/samples/design-note.md"), "utf8");

/**
 * Every stage of a real run as a share of the limit: its floor over the shortest time that was measured. A share above 1 is
 * a ceiling that is none, or bytes and operations that the stage need not have moved and done. No margin is given: ceilings are
 * the best of dozens of runs of milliseconds, stages the best of three, and what else a machine does only makes both slower.
 */
async function shares(engine: Engine, model: Model, text: string, maxTokens: number): Promise<Map<string, number>> {
  const report = await profile({
    document: { name: "design-note.md", text },
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

const tiny = (): Model => ({ ...tinyModel(tinyArchitecture({ maxContext: 100 }), 5), origin: "trained" });

/** The paper's 80B shape, as far as its second oracle. */
async function wide(): Promise<Model> {
  const architecture = { ...PRESETS["paper-80b-a3b"].architecture, layers: 13 };
  const { tokenizer } = await loadModel("embedded");
  return syntheticModel("80B, 13 layers", architecture, tokenizer, { seed: 5, perLayer: false });
}

describe("the floor of every stage is one", () => {
  it("on the CPU", { timeout: 600_000 }, async () => {
    const engine = new CpuEngine();
    try {
      const found = await shares(engine, await loadModel("embedded"), SAMPLE, 4096);
      assert.ok(found.size > 300, `${found.size} stages`);
      assertBelowTheLimit(found);
      // A limit that nothing comes near would hold as well.
      assert.ok(found.get("full layer 0 prefill mlp")! > 0.1);
    } finally {
      await engine.dispose();
    }
  });

  it("on a GPU", { timeout: 600_000 }, async (t) => {
    const found = await testGpu();
    if (found.gpu === undefined) {
      t.skip(found.why);
      return;
    }
    const engine = await WebGpuEngine.open({ gpu: found.gpu });
    try {
      if (found.software) assertBelowTheLimit(await shares(engine, tiny(), SAMPLE, 100));
      // What a real one is fast at: long prefills of wide layers.
      else assertBelowTheLimit(await shares(engine, await wide(), SAMPLE.repeat(4), 12_288));
    } finally {
      await engine.dispose();
    }
  });
});
