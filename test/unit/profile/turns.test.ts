import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CpuEngine } from "../../../src/engine/cpu/engine.ts";
import { ReferenceEngine } from "../../../src/engine/reference/engine.ts";
import { timedPrefill } from "../../../src/profile/run-variant.ts";
import { byTurns, TurnLength, type BeforeLayer } from "../../../src/profile/turns.ts";
import { model } from "./tiny-profile.ts";

/** A run of so many layers that tells what it does; `fails` before that layer. */
function layers(count: number, log: string[], fails = Infinity) {
  return async (key: string, beforeLayer: BeforeLayer): Promise<string> => {
    for (let layer = 0; layer < count; layer++) {
      if (layer > 0) await beforeLayer(layer);
      if (layer === fails) throw new Error(`${key} failed`);
      log.push(`${key}${layer}`);
    }
    return `${key} is over`;
  };
}

describe("runs by turns", () => {
  it("rotate who goes first from turn to turn, and each gives its result", async () => {
    const log: string[] = [];
    const results = await byTurns(["a", "b", "c"], layers(3, log), new TurnLength(0));
    assert.equal(log.join(" "), "a0 b0 c0 b1 c1 a1 c2 a2 b2");
    assert.deepEqual([...results.values()].sort(), ["a is over", "b is over", "c is over"]);
  });

  it("are whole runs without a length, and where the first is too short for a turn", async () => {
    for (const length of [undefined, new TurnLength(60_000)]) {
      const log: string[] = [];
      await byTurns(["a", "b"], layers(3, log), length);
      assert.equal(log.join(" "), "a0 a1 a2 b0 b1 b2");
    }
  });

  it("have as many layers in every turn as the first one needed, in later rounds too", () => {
    const length = new TurnLength(50);
    assert.deepEqual([length.over(1, 30), length.over(2, 60)], [false, true]);
    assert.deepEqual([length.over(1, 500), length.over(2, 1)], [false, true]);
  });

  it("go on without those that are over", async () => {
    const log: string[] = [];
    const [short, long] = [layers(1, log), layers(3, log)];
    await byTurns(["a", "b"], (key, ask) => (key === "a" ? short : long)(key, ask), new TurnLength(0));
    assert.equal(log.join(" "), "a0 b0 b1 b2");
  });

  it("end all with the reason of the first that fails", async () => {
    const log: string[] = [];
    const ended: string[] = [];
    const start = async (key: string, ask: BeforeLayer): Promise<string> => {
      try {
        return await layers(3, log, key === "b" ? 1 : Infinity)(key, ask);
      } catch (error) {
        ended.push(`${key}: ${(error as Error).message}`);
        throw error;
      }
    };
    await assert.rejects(byTurns(["a", "b", "c"], start, new TurnLength(0)), /^Error: b failed$/);
    assert.deepEqual(ended, ["b: b failed", "a: b failed", "c: b failed"]);
    assert.equal(log.join(" "), "a0 b0 c0");
  });
});

describe("a prefill by turns", () => {
  const tokens = Uint32Array.from({ length: 40 }, (_, i) => (7 * i) % 60);

  for (const engine of [new ReferenceEngine(), new CpuEngine(2)]) {
    it(`gives what a whole one gives: ${engine.info.id}`, async () => {
      const keys = ["hysparse", "full"] as const;
      const runners = new Map(
        await Promise.all(keys.map(async (key) => [key, await engine.load(model, key, { chunk: 16 })] as const)),
      );
      const whole = new Map<string, Float32Array>();
      for (const [key, runner] of runners) whole.set(key, await runner.prefill(tokens));
      const asked: number[] = [];
      const logits = await byTurns(
        keys,
        (key, ask) =>
          runners.get(key)!.prefill(tokens, {
            beforeLayer: (done) => {
              if (key === "full") asked.push(done);
              return ask(done);
            },
          }),
        new TurnLength(0),
      );
      const layerCount = runners.get("full")!.plan.length;
      assert.deepEqual(
        asked,
        Array.from({ length: 3 * layerCount - 1 }, (_, i) => i + 1),
      );
      for (const key of keys) assert.deepEqual(logits.get(key), whole.get(key));
      await engine.dispose();
    });
  }

  it("is timed without what it waits for", async () => {
    const runner = await new ReferenceEngine().load(model, "full");
    const begin = performance.now();
    let waited = 0;
    const { ms } = await timedPrefill(runner, tokens, {
      onProgress: () => undefined,
      beforeLayer: async () => {
        const from = performance.now();
        await sleep(20);
        waited += performance.now() - from;
      },
    });
    const whole = performance.now() - begin;
    assert.ok(ms > 0 && ms < whole - waited / 2, `${ms} of ${whole} ms, ${waited} waited`);
  });
});
