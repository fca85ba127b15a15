import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CpuEngine } from "../../../src/engine/cpu/engine.ts";
import { VARIANTS, type Variant } from "../../../src/engine/engine.ts";
import { UserError } from "../../../src/model/errors.ts";
import type { Model } from "../../../src/model/model.ts";
import { checkMemory } from "../../../src/profile/memory-check.ts";
import { profile } from "../../../src/profile/profile.ts";
import { reportSchema } from "../../../src/protocol/report.ts";
import type { ProfileProgress, ProfileRequest } from "../../../src/profile/request.ts";
import { tinyArchitecture, tinyModel } from "../../kernels/tiny-model.ts";

const model: Model = { ...tinyModel(tinyArchitecture({ maxContext: 64 }), 5), origin: "trained" };

function request(changes: Partial<ProfileRequest> = {}): ProfileRequest {
  return {
    document: { name: "a.txt", text: "The quick brown fox.\n".repeat(5) },
    model,
    engine: new CpuEngine(),
    engineReason: "a test",
    variants: VARIANTS,
    decodeTokens: 3,
    repetitions: 2,
    warmup: 1,
    importance: "last-token",
    includeText: false,
    measurePeak: () => Promise.resolve(123),
    ...changes,
  };
}

describe("profile", () => {
  it("returns a report that its schema accepts, with every variant, layer, phase and stage", async () => {
    const report = reportSchema.parse(await profile(request()));
    assert.equal(report.document.tokens, 64);
    assert.equal(report.document.totalTokens, 105);
    assert.equal(report.document.truncated, true);
    assert.match(report.document.truncation ?? "", /first 64 of 105 tokens/);
    assert.ok(report.warnings.includes(report.document.truncation ?? ""), "the cut is among the warnings");
    assert.equal(report.document.blockRanges.length, 8);
    assert.deepEqual(report.model.schedule, ["full", "sparse", "sparse", "full"]);
    for (const variant of VARIANTS) {
      const measured = report.variants[variant];
      assert.equal(measured?.layers.length, 4);
      assert.equal(measured.totals.peakBytes, 123);
      assert.equal(measured.totals.prefillSamples.length, 2);
      assert.equal(measured.totals.kvBytes, measured.totals.kvBytesPredicted);
      for (const layer of measured.layers) {
        assert.equal(layer.kvBytes, layer.kvBytesPredicted);
        for (const phase of [layer.prefill, layer.decode]) {
          assert.ok(phase !== undefined && phase.samples.length === 2);
          const { stages } = phase;
          for (const stage of ["project", "attend", "output", "mlp"] as const) {
            assert.ok(stages[stage]!.medianMs > 0 && stages[stage]!.floorMs > 0, `${variant} ${layer.index} ${stage}`);
          }
          const whole = ["project", "attend", "output", "mlp"] as const;
          const sum = whole.reduce((total, stage) => total + stages[stage]!.samples[0]!, 0);
          assert.ok(Math.abs(sum - phase.samples[0]!) < 1e-9, "stages without the parts of attend make up the layer");
        }
      }
    }
    const stages = (variant: Variant, layer: number): string[] =>
      Object.keys(report.variants[variant]?.layers[layer]?.prefill.stages ?? {}).sort();
    assert.deepEqual(stages("hysparse", 0), ["attend", "mlp", "output", "project", "score", "select"]);
    assert.deepEqual(stages("hysparse", 1), ["attend", "mlp", "output", "project", "sparse", "window"]);
    assert.deepEqual(stages("hysparse", 3), ["attend", "mlp", "output", "project"], "the last layer feeds none");
    assert.deepEqual(stages("full", 1), ["attend", "mlp", "output", "project"]);
    assert.deepEqual(stages("hybrid-swa", 1), ["attend", "mlp", "output", "project", "window"]);
    assert.equal(report.variants.hysparse?.layers[2]?.kvBorrowedFrom, 0);
  });

  it("keeps the last token's selection and importance over all full layers", async () => {
    const report = await profile(request());
    assert.deepEqual(
      report.selection?.oracles.map(({ layer, feeds }) => ({ layer, feeds })),
      [{ layer: 0, feeds: [1, 2] }],
    );
    const [query] = report.selection.oracles[0]!.queries;
    assert.equal(query?.token, 63);
    assert.equal(query.heads.length, 2);
    for (const head of query.heads) assert.equal(head.blocks.length, 2);
    assert.deepEqual(
      report.importance?.layers.map(({ layer }) => layer),
      [0, 3],
    );
    assert.equal(report.importance.ranges.length, 8);
    const selected = report.importance.ranges.reduce((sum, range) => sum + range.selectedBy, 0);
    assert.equal(selected, 4, "two blocks for each of two KV heads");
  });

  it("shows no importance on synthetic weights, and says so", async () => {
    const report = await profile(request({ model: { ...model, origin: "synthetic" }, repetitions: 1 }));
    assert.equal(report.model.weights, "synthetic");
    assert.equal(report.importance, undefined);
    assert.ok(report.selection !== undefined);
    assert.ok(report.warnings.some((warning) => warning.includes("random")));
  });

  it("leaves the text out unless asked for", async () => {
    const without = JSON.stringify(await profile(request({ repetitions: 1 })));
    assert.ok(!without.includes("quick"));
    const kept = await profile(request({ repetitions: 1, includeText: true }));
    assert.ok(kept.document.text?.startsWith("The quick"));
  });

  it("tells progress that only grows and ends near all", async () => {
    const seen: ProfileProgress[] = [];
    await profile(request({ onProgress: (progress) => void seen.push(progress) }));
    const shares = seen.map(({ done, total }) => done / total);
    shares.slice(1).forEach((share, i) => assert.ok(share >= shares[i]! - 1e-12, `${share} after ${shares[i]!}`));
    assert.ok(shares.at(-1)! > 0.99);
  });

  it("stops when cancelled", async () => {
    const stop = new AbortController();
    const reason = new Error("stopped by the test");
    const run = profile(
      request({
        signal: stop.signal,
        onProgress: ({ phase }) => {
          if (phase.startsWith("prefill")) stop.abort(reason);
        },
      }),
    );
    await assert.rejects(run, reason);
  });

  it("refuses an empty document, and a context that memory cannot hold", async () => {
    await assert.rejects(profile(request({ document: { name: "empty.md", text: "" } })), (error) => {
      return error instanceof UserError && error.message.includes("empty.md");
    });
    assert.throws(
      () => checkMemory(request(), 1_000_000, 40 * 2 ** 20),
      (error) => error instanceof UserError && /--max-tokens \d+ would fit/.test(error.message),
    );
  });
});
