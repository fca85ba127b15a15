import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CpuEngine } from "../../../src/engine/cpu/engine.ts";
import type { Engine } from "../../../src/engine/engine.ts";
import { ReferenceEngine } from "../../../src/engine/reference/engine.ts";
import { TINY, tinyModel } from "../../fixtures/model/checkpoint-folder.ts";

const TOKENS = 40;

async function run(engine: Engine, window: number): Promise<{ logits: Float32Array; kv: number; estimate: number }> {
  const model = tinyModel({ ...TINY, window });
  const runner = await engine.load(model, "hysparse");
  try {
    const tokens = Uint32Array.from({ length: TOKENS }, (_, i) => (7 * i) % 256);
    await runner.prefill(tokens);
    const logits = (await runner.decode(5)).slice();
    const kv = runner.kvBytes().reduce((sum, bytes) => sum + bytes, 0);
    return { logits, kv, estimate: engine.estimateBytes(model, "hysparse", TOKENS) };
  } finally {
    await runner.dispose();
  }
}

describe("a window larger than the context means all of it", () => {
  for (const [name, make] of [
    ["cpu", () => new CpuEngine(1)],
    ["reference", () => new ReferenceEngine()],
  ] as const) {
    it(`${name}: the same logits and the same memory as a window of the context's length`, async () => {
      const engine: Engine = make();
      try {
        const exact = await run(engine, TOKENS + 1);
        for (const window of [TOKENS + 2, 2 ** 20, 2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER]) {
          const wide = await run(engine, window);
          assert.deepEqual(wide.logits, exact.logits, `window ${window}`);
          assert.equal(wide.kv, exact.kv);
          assert.equal(wide.estimate, exact.estimate);
        }
      } finally {
        await engine.dispose();
      }
    });
  }
});
