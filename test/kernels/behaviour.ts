import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { planOf } from "../../src/designs/designs.ts";
import { keptVectors, streamsOf, type MixerId } from "../../src/designs/plan.ts";
import { ATTEND_PARTS, type Engine, type Stage, type Variant } from "../../src/engine/engine.ts";
import { UserError } from "../../src/model/errors.ts";
import type { Architecture } from "../../src/model/architecture.ts";
import type { Model } from "../../src/model/model.ts";
import { assertClose, assertSameRun, type Run, type Tolerance } from "./compare.ts";
import { runnable, withSmallBlocks } from "./spread.ts";
import { randomTokens, tinyArchitecture, tinyModel } from "./tiny-model.ts";
import { traceRun } from "./trace.ts";

export interface BehaviourSubject {
  /** Called inside tests, when the engine exists. */
  readonly engine: () => Engine;
  readonly reference: Engine;
  readonly limits: Tolerance;
  readonly seed: number;
  readonly halves: boolean;
}

/** The rules of engine.ts that are not about numbers: ties, cancel, reset, mistakes, reservations, observers. */
export function describeBehaviour({ engine, reference, limits, seed, halves }: BehaviourSubject): void {
  const architecture = withSmallBlocks(tinyArchitecture({ layers: 6 }));
  const model = tinyModel(architecture, seed, { halves });
  const tokens = randomTokens(architecture, 75, seed);

  async function run(on: Engine, of: Model, variant: Variant): Promise<Run> {
    const runner = await on.load(of, variant);
    const trace = await traceRun(runner, of.architecture, tokens);
    const selection = await runner.selection();
    await runner.dispose();
    return { trace, selection };
  }
  const variants = (): Variant[] => runnable(engine(), architecture);
  const noCoverage = { queries: 0, tied: 0, rows: 0, skippedRows: 0 };

  describe("rules", () => {
    it("equal scores go to the lower blocks, the query's own block without privilege", async () => {
      const tied = tinyModel(architecture, seed, { tiedScores: true, halves });
      const actual = await run(engine(), tied, "hysparse");
      // No gap is forgiven here: the scores are exactly equal in any arithmetic.
      assertSameRun(actual, await run(reference, tied, "hysparse"), { ...limits, tieGap: 0 }, noCoverage, "tied");
      assert.deepEqual(actual.selection!.oracles[0]!.at(tokens.length - 1, 0).blocks, [0, 1]);
    });

    it("tells nobody's observer the same as an observer", async () => {
      for (const variant of variants()) {
        const runner = await engine().load(model, variant);
        const logits = await runner.prefill(tokens);
        const selection = await runner.selection();
        // Unobserved, the last layer computes its last row alone, so scores that nearly tie may choose another block.
        const observed = await run(engine(), model, variant);
        const unobserved = { trace: { ...observed.trace, logits }, selection };
        assertSameRun(unobserved, observed, limits, noCoverage, variant);
        await runner.dispose();
      }
    });

    it("runs a design with the parameters that were chosen, as a model that has them, and no other design", async () => {
      const laid = {
        hysparse: { k: 32, window: 5 },
        "hybrid-swa": { window: 5 },
        streaming: { first: 2, window: 5 },
        moba: { block: 4, topk: 2 },
        "index-reuse": { anchors: "0+3", block: 4, k: 4, window: 5 },
      };
      const chosen = { ...model, architecture: { ...architecture, laid } };
      const own: Readonly<Partial<Record<Variant, Partial<Architecture>>>> = {
        hysparse: { selectedTokens: 32, window: 5 },
        "hybrid-swa": { window: 5 },
        streaming: { laid: { streaming: { first: 2 } }, window: 5 },
        full: {},
      };
      // That blocks are chosen as they are told, moba.test.ts, index-reuse.test.ts and nsa.test.ts show.
      for (const variant of variants().filter((id) => id !== "moba" && id !== "index-reuse" && id !== "nsa")) {
        const alike = { ...model, architecture: { ...architecture, ...own[variant] } };
        const runner = await engine().load(chosen, variant);
        const trace = await traceRun(runner, architecture, tokens);
        const selection = await runner.selection();
        const expected = await run(reference, alike, variant);
        assertSameRun({ trace, selection }, expected, limits, noCoverage, variant);
        const perRow = 2 * architecture.kvHeads * architecture.headDim * engine().info.kvBytesPerValue;
        const rows = { hysparse: 5, "hybrid-swa": 5, streaming: 7, full: tokens.length }[variant];
        assert.equal(runner.kvBytes()[1], rows * perRow, variant);
        await runner.dispose();
      }
    });

    it("refuses what the context has no room for, and a token that is none", async () => {
      const runner = await engine().load(model, "full");
      await assert.rejects(runner.decode(1), /prefill the runner first/);
      await runner.prefill(tokens.slice(0, 3));
      await runner.reserve(4);
      await runner.decode(1);
      await assert.rejects(runner.decode(1), (error) => {
        return error instanceof UserError && /reserved for 4 tokens, not 5/.test(error.message);
      });
      await runner.reserve(5);
      for (const token of [-1, 0.5]) await assert.rejects(runner.decode(token), UserError);
      await runner.decode(1);
      assert.equal(runner.length, 5);
      await runner.dispose();
    });

    it("takes one call at a time, and none after a failure or its end", async () => {
      const runner = await engine().load(model, "hysparse", { chunk: 4 });
      const first = runner.prefill(tokens);
      await assert.rejects(runner.prefill(tokens), /running/);
      assert.throws(() => runner.reset(), /running/);
      await first;
      await assert.rejects(runner.decode(1, { signal: AbortSignal.abort() }));
      for (const call of [() => runner.decode(1), () => runner.prefill(tokens), () => runner.rewind()]) {
        await assert.rejects(call(), /must be reset/);
      }
      runner.reset();
      const cut = assert.rejects(runner.prefill(tokens), /disposed while it ran/);
      await runner.dispose();
      await cut;
      await assert.rejects(runner.prefill(tokens), /disposed/);
      await runner.dispose();
    });

    it("refuses chunks of nothing", async () => {
      for (const chunk of [0, -1, 1.5]) await assert.rejects(engine().load(model, "full", { chunk }), RangeError);
    });

    it("keeps decode steps inside what was reserved, and frees caches on reset", async () => {
      for (const variant of variants()) {
        const runner = await engine().load(model, variant);
        assert.equal(runner.length, 0);
        await runner.prefill(tokens.slice(0, 5));
        const exact = runner.kvBytes();
        await runner.reserve(20);
        const reserved = runner.kvBytes();
        runner.plan.forEach((layer, l) => {
          const [few, many] = [5, 20].map((count) => keptVectors(streamsOf(layer), count));
          assert.ok(reserved[l]! * few! >= exact[l]! * many!, `${variant}, layer ${l}: room for 20`);
        });
        for (let t = 5; t < 20; t++) await runner.decode(tokens[t]!);
        assert.deepEqual(runner.kvBytes(), reserved, `${variant}: decode allocated caches`);
        runner.reset();
        assert.equal(runner.length, 0);
        assert.deepEqual(
          runner.kvBytes(),
          runner.plan.map(() => 0),
          `${variant}: bytes after reset`,
        );
        await runner.dispose();
      }
    });

    it("goes back to a mark as often as wanted, as if nothing had been decoded since", async () => {
      const [own, other] = [tokens.slice(62, 66), tokens.slice(66, 70)];
      for (const variant of variants()) {
        // Rings that have wrapped, rings that wrap only after the mark, and rings that never do; one length where there are none.
        const rings = planOf(architecture, variant).some(({ keeps }) => keeps.kind === "ring");
        for (const prompt of rings ? [62, architecture.window - 3, 2] : [62]) {
          const runner = await engine().load(model, variant);
          const decoded = async (steps: Uint32Array): Promise<Float32Array> => {
            let logits = new Float32Array();
            for (const token of steps) logits = Float32Array.from(await runner.decode(token));
            return logits;
          };
          const what = `${variant}, ${prompt} tokens`;
          await runner.prefill(tokens.slice(0, prompt));
          await runner.reserve(prompt + own.length);
          const expected = await decoded(own);
          await runner.prefill(tokens.slice(0, prompt));
          await runner.reserve(prompt + own.length);
          const reserved = runner.kvBytes();
          await runner.mark();
          for (const round of [1, 2]) {
            await decoded(other);
            await runner.rewind();
            assert.equal(runner.length, prompt, what);
            assertClose(await decoded(own), expected, limits.tolerance, `${what}, round ${round}`);
            await runner.rewind();
          }
          assert.deepEqual(runner.kvBytes(), reserved, `${what}: caches grew`);
          await decoded(own);
          const selection = await runner.selection();
          for (const { length } of selection?.oracles ?? []) assert.equal(length, prompt + own.length, what);
          runner.reset();
          await assert.rejects(runner.rewind(), /no mark/, what);
          await runner.dispose();
        }
      }
    });

    it("has a selection where layers read by the choice of others, of the layers that chose", async () => {
      const choosing: Partial<Record<Variant, readonly number[]>> = { hysparse: [0, 3], "index-reuse": [0, 2] };
      for (const variant of variants()) {
        const { selection } = await run(engine(), model, variant);
        assert.deepEqual(
          selection?.oracles.map(({ layer }) => layer),
          choosing[variant],
        );
      }
    });

    it("refuses an empty prompt and unknown tokens with a UserError", async () => {
      const runner = await engine().load(model, "hysparse");
      await assert.rejects(runner.prefill(new Uint32Array()), UserError);
      await assert.rejects(runner.prefill(Uint32Array.of(1, architecture.vocabulary)), UserError);
      runner.reset();
      await runner.prefill(tokens.slice(0, 3));
      await assert.rejects(runner.decode(architecture.vocabulary), UserError);
      await runner.dispose();
    });

    it("estimates no less than the caches it will allocate, more for more tokens", async () => {
      for (const variant of variants()) {
        const runner = await engine().load(model, variant);
        await runner.prefill(tokens);
        const allocated = runner.kvBytes().reduce((sum, bytes) => sum + bytes, 0);
        const estimate = engine().estimateBytes(model, variant, tokens.length);
        assert.ok(estimate >= allocated, `${variant}: ${estimate} bytes estimated, ${allocated} allocated`);
        assert.ok(engine().estimateBytes(model, variant, 100_000) > estimate);
        await runner.dispose();
      }
    });

    it("measures ceilings", async () => {
      const { matrixGflops, copyGBps, reads, method } = await engine().measureCeilings();
      assert.ok(matrixGflops > 0 && Number.isFinite(matrixGflops), `${matrixGflops} GFLOP/s`);
      assert.ok(copyGBps > 0 && Number.isFinite(copyGBps), `${copyGBps} GB/s`);
      assert.ok(reads.length > 1);
      for (const [i, { bytes, GBps }] of reads.entries()) {
        assert.ok(Number.isInteger(bytes) && bytes > (reads[i - 1]?.bytes ?? 0), `${bytes} bytes at place ${i}`);
        assert.ok(GBps > 0 && Number.isFinite(GBps), `${GBps} GB/s of ${bytes} bytes`);
      }
      assert.notEqual(method, "");
    });
  });

  describe("cancel", () => {
    /** Cancels a prefill by `cancel`, called at the second layer's output; asserts a prompt end and a clean restart. */
    async function cancelled(cancel: (controller: AbortController) => void): Promise<void> {
      const runner = await engine().load(model, "hysparse", { chunk: 4 });
      const controller = new AbortController();
      let outputs = 0;
      let late = 0;
      const observer = {
        onLayerOutput: (): void => {
          if (controller.signal.aborted) late++;
          if (++outputs === 2) cancel(controller);
        },
      };
      await assert.rejects(
        runner.prefill(tokens, { signal: controller.signal, observer }),
        (reason) => reason === controller.signal.reason,
      );
      assert.ok(late <= 1, `${late} layers ran after the cancel`);
      runner.reset();
      const trace = await traceRun(runner, architecture, tokens);
      const actual = { trace, selection: await runner.selection() };
      assertSameRun(actual, await run(reference, model, "hysparse"), limits, noCoverage, "after cancel and reset");
      await runner.dispose();
    }
    const reason = new Error("the user pressed stop");

    it("takes effect within one layer", async () => cancelled((controller) => controller.abort(reason)));

    it("arrives from outside the run", async () =>
      cancelled((controller) => setImmediate(() => controller.abort(reason))));

    it("is seen before anything runs, in prefill and in decode", async () => {
      const runner = await engine().load(model, "hysparse");
      const signal = AbortSignal.abort(reason);
      const observer = { onLayerOutput: (layer: number): void => assert.fail(`layer ${layer} ran`) };
      const isReason = (error: unknown): boolean => error === reason;
      await assert.rejects(runner.prefill(tokens, { signal, observer }), isReason);
      runner.reset();
      await runner.prefill(tokens);
      await assert.rejects(runner.decode(1, { signal, observer }), isReason);
      await runner.dispose();
    });
  });

  describe("observer", () => {
    it("is told of the stages that engine.ts lists, parts of attend within it", async () => {
      const parts: readonly Stage[] = ATTEND_PARTS;
      for (const variant of variants()) {
        const runner = await engine().load(model, variant, { chunk: 20 });
        const times = runner.plan.map(() => new Map<Stage, number>());
        const onStage = (layer: number, stage: Stage, ms: number): void => {
          assert.ok(ms >= 0 && Number.isFinite(ms), `layer ${layer}, ${stage}: ${ms} ms`);
          times[layer]!.set(stage, (times[layer]!.get(stage) ?? 0) + ms);
        };
        await runner.prefill(tokens, { observer: { onStage } });
        await runner.decode(1, { observer: { onStage } });
        runner.plan.forEach(({ mixer, scores }, layer) => {
          const told = times[layer]!;
          const what = `${variant}, layer ${layer} (${mixer}): ${[...told.keys()].join(", ")}`;
          for (const stage of ["project", "attend", "output", "mlp"] as const) assert.ok(told.has(stage), what);
          const allowed: Record<MixerId, Stage[]> = {
            full: scores ? ["score", "select"] : [],
            sparse: ["sparse", "window"],
            window: ["window"],
            streaming: ["window"],
            moba: ["select", "sparse"],
            reuse: ["sparse"],
            nsa: ["compress", "select", "sparse", "window"],
          };
          const inside = [...told].filter(([stage]) => parts.includes(stage));
          assert.ok(
            inside.every(([stage]) => allowed[mixer].includes(stage)),
            what,
          );
          const sum = inside.reduce((ms, [, part]) => ms + part, 0);
          assert.ok(
            sum <= told.get("attend")! * 1.01 + 0.01,
            `${what}: parts take ${sum} ms of ${told.get("attend")!}`,
          );
        });
        await runner.dispose();
      }
    });

    it("sees progress rise to its total, in prefill and in decode", async () => {
      const runner = await engine().load(model, "hysparse", { chunk: 20 });
      const steps: [number, number][] = [];
      const observer = { onProgress: (done: number, total: number): void => void steps.push([done, total]) };
      const check = (): void => {
        assert.ok(steps.length > 0, "no progress was told");
        assert.ok(steps.every(([done, total], i) => total === steps[0]![1] && done > (steps[i - 1]?.[0] ?? 0)));
        assert.equal(steps.at(-1)![0], steps.at(-1)![1]);
        steps.length = 0;
      };
      await runner.prefill(tokens, { observer });
      check();
      await runner.decode(1, { observer });
      check();
      await runner.dispose();
    });
  });
}
