import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { planOf } from "../../../src/designs/designs.ts";
import { admit } from "../../../src/engine/decoder/admit.ts";
import type { DecoderBody, LayerCache, Run } from "../../../src/engine/decoder/body.ts";
import { contextBytes } from "../../../src/engine/decoder/estimate.ts";
import { declinedOf, mixerOf, type MixerTable } from "../../../src/engine/decoder/mixers.ts";
import { rolesOf } from "../../../src/engine/decoder/roles.ts";
import { DecoderRunner } from "../../../src/engine/decoder/runner.ts";
import { VARIANTS } from "../../../src/engine/engine.ts";
import { ReferenceEngine } from "../../../src/engine/reference/engine.ts";
import { spoken, UserError } from "../../../src/model/errors.ts";
import { predictedKvBytes } from "../../../src/profile/kv.ts";
import { editorName } from "../../../src/model/setting-table.ts";
import { tinyArchitecture, tinyModel } from "../../kernels/tiny-model.ts";

// Full, sparse, sparse, full, sparse, full (the last).
const a = tinyArchitecture({ layers: 6, sparsePerFull: 2 });

describe("an engine without a mixer", () => {
  const table: MixerTable<() => string> = {
    full: () => "attends",
    sparse: { declined: "it has no block lists" },
    window: () => "attends",
    streaming: () => "attends",
    moba: () => "attends",
    reuse: () => "attends",
    nsa: () => "attends",
  };

  it("declines the designs that need it, and no others", () => {
    assert.deepEqual(
      VARIANTS.map((variant) => declinedOf(table, planOf(a, variant))),
      VARIANTS.map((variant) => (variant === "hysparse" ? "it has no block lists" : undefined)),
    );
    assert.equal(mixerOf(table, "window")(), "attends");
    assert.throws(() => mixerOf(table, "sparse"), /no block lists/);
  });

  it("is refused by the names of design and engine, with the way out", () => {
    const engine = new ReferenceEngine();
    engine.canRun = (plan) => declinedOf(table, plan);
    const model = tinyModel(a, 1);
    assert.throws(
      () => admit(engine, model, "hysparse", {}),
      (error) => {
        assert.ok(error instanceof UserError);
        assert.match(
          error.message,
          /reference engine cannot run hysparse: it has no block lists.*--variants.*--engine/,
        );
        assert.match(spoken(error.words!, editorName), /from hysparse\.variants, or use another hysparse\.engine\.$/);
        return true;
      },
    );
    assert.deepEqual(admit(engine, model, "full", {}), planOf(a, "full"));
  });
});

describe("what a layer does in a runner", () => {
  it("is its plan where nothing is swapped", () => {
    const roles = rolesOf(planOf(a, "hysparse"), undefined);
    assert.deepEqual(
      roles.map(({ through, gated, scores }) => [through, gated, scores]),
      [
        [undefined, false, true],
        [0, true, false],
        [0, true, false],
        [undefined, false, true],
        [3, true, false],
        [undefined, false, true],
      ],
    );
    assert.ok(roles.every(({ silent, restricted }) => !silent && !restricted));
  });

  it("restrict-last: the last layer reads through the oracle before it, and scores nothing", () => {
    const last = rolesOf(planOf(a, "hysparse"), { kind: "restrict-last" }).at(-1)!;
    assert.deepEqual([last.through, last.restricted, last.scores, last.readsFrom], [3, true, false, undefined]);
  });

  it("silent: only what reads through another's choice is silenced", () => {
    const silent = rolesOf(planOf(a, "hysparse"), { kind: "silent" }).map((role) => role.silent);
    assert.deepEqual(silent, [false, true, true, false, true, false]);
  });
});

describe("bytes of a context", () => {
  it("are the caches and a choice of every layer that feeds another", () => {
    const [tokens, bytesPerValue] = [100, 2];
    for (const variant of VARIANTS) {
      const caches = predictedKvBytes(a, variant, tokens, bytesPerValue).reduce((sum, bytes) => sum + bytes, 0);
      // Of two oracles each; beside the chosen blocks a list of index reuse has the first and three at the end.
      const slots = { hysparse: 2, "index-reuse": 2 + 4 }[variant as string] ?? 0;
      const choices = 2 * tokens * a.kvHeads * slots * 8;
      assert.equal(contextBytes(planOf(a, variant), a, tokens, bytesPerValue), caches + choices, variant);
    }
  });
});

describe("the runner of a body", () => {
  const plan = planOf(a, "full");
  const fault = new Error("the device went away");

  /** A body that computes nothing, fails in `failsIn`, and writes down what it is asked to do. */
  function recorded(failsIn?: number): { body: DecoderBody; log: string[] } {
    const log: string[] = [];
    const cache: LayerCache = {
      bytes: 0,
      reserve: (tokens, held) => void log.push(`room ${tokens} of ${held}`),
      mark: () => undefined,
      rewind: () => undefined,
      clear: () => void log.push("clear"),
    };
    const body: DecoderBody = {
      caches: [cache],
      selections: {
        reserve: () => undefined,
        rewind: () => undefined,
        read: () => Promise.resolve([]),
        clear: () => undefined,
      },
      mostTokens: 12,
      embed: (tokens, { start, rows }) => void log.push(`embed ${tokens.length} at ${start} + ${rows}`),
      layer: async (index, _, run: Run) => {
        await Promise.resolve();
        if (index === failsIn) throw new Error("lost");
        run.advance(1);
      },
      logitsOf: (from, count) => Float32Array.of(from, count),
      lastLogits: () => Float32Array.of(1),
      failed: (error) => Promise.resolve(error instanceof Error && error.message === "lost" ? fault : error),
      free: () => void log.push("free"),
    };
    return { body, log };
  }
  const runnerOf = (body: DecoderBody): DecoderRunner =>
    new DecoderRunner({ variant: "full", plan, vocabulary: 9, chunk: 4, swap: undefined }, body);

  it("cuts a prompt into chunks and makes room once", async () => {
    const { body, log } = recorded();
    const runner = runnerOf(body);
    await runner.prefill(new Uint32Array(10));
    await runner.reserve(12);
    await runner.decode(1);
    await runner.decode(1);
    assert.deepEqual(log, [
      ...["clear", "room 10 of 0", "embed 4 at 0 + 4", "embed 4 at 4 + 4", "embed 2 at 8 + 2"],
      ...["room 12 of 10", "embed 1 at 10 + 1", "embed 1 at 11 + 1"],
    ]);
    await assert.rejects(runner.decode(1), /13 tokens are more than the 12 positions/);
  });

  it("throws what the body makes of a failure, and is spent", async () => {
    const runner = runnerOf(recorded(2).body);
    await assert.rejects(runner.prefill(new Uint32Array(3)), (error) => error === fault);
    await assert.rejects(runner.decode(1), /must be reset/);
  });

  it("disposed in the middle of a run, frees when the run has ended, once", async () => {
    const { body, log } = recorded();
    const runner = runnerOf(body);
    const running = assert.rejects(runner.prefill(new Uint32Array(3)), /disposed while it ran/);
    await runner.dispose();
    assert.ok(!log.includes("free"));
    await running;
    await runner.dispose();
    assert.deepEqual(log.slice(-2), ["clear", "free"]);
    assert.equal(log.filter((entry) => entry === "free").length, 1);
  });

  it("tells logits in pieces of bounded size", async () => {
    const runner = new DecoderRunner(
      { variant: "full", plan, vocabulary: 4 * 1024 * 1024, chunk: 5, swap: undefined },
      recorded().body,
    );
    const told: number[][] = [];
    await runner.prefill(new Uint32Array(8), {
      observer: { onLogits: (start, piece) => told.push([start, ...piece]) },
    });
    assert.deepEqual(told, [
      [0, 0, 2],
      [2, 2, 2],
      [4, 4, 1],
      [5, 0, 2],
      [7, 2, 1],
    ]);
  });
});
