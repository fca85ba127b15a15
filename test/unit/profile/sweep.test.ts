import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CpuEngine } from "../../../src/engine/cpu/engine.ts";
import { DEFAULT_DESIGNS } from "../../../src/designs/designs.ts";
import type { LoadOptions, Runner, Variant } from "../../../src/engine/engine.ts";
import { UserError } from "../../../src/model/errors.ts";
import type { Model } from "../../../src/model/model.ts";
import { predictedKvBytes } from "../../../src/profile/kv.ts";
import { profile } from "../../../src/profile/profile.ts";
import { reportSchema, type Report } from "../../../src/protocol/report.ts";
import type { ProfileProgress, ProfileRequest } from "../../../src/profile/request.ts";
import { sweepLengths } from "../../../src/profile/sweep-lengths.ts";
import { contextOf } from "../../../src/profile/sweep.ts";
import { tinyArchitecture, tinyModel } from "../../kernels/tiny-model.ts";

const model: Model = { ...tinyModel(tinyArchitecture({ maxContext: 64 }), 5), origin: "trained" };

/** 105 tokens, of which the model's context keeps 64. */
function request(changes: Partial<ProfileRequest> = {}): ProfileRequest {
  return {
    document: { name: "a.txt", text: "The quick brown fox.\n".repeat(5) },
    model,
    engine: new CpuEngine(),
    engineReason: "a test",
    variants: DEFAULT_DESIGNS,
    decodeTokens: 2,
    repetitions: 2,
    warmup: 1,
    importance: "last-token",
    includeText: false,
    measurePeak: () => Promise.resolve(123),
    ...changes,
  };
}

function sweepOf(report: Report): NonNullable<Report["sweep"]> {
  assert.ok(reportSchema.parse(report).sweep);
  return report.sweep!;
}

/** Told of every prefill; what `trouble` returns is thrown instead of running it. */
class WatchedEngine extends CpuEngine {
  readonly prefills: string[] = [];
  readonly #trouble: (variant: Variant, tokens: number) => Error | undefined;

  constructor(trouble: (variant: Variant, tokens: number) => Error | undefined = () => undefined) {
    super();
    this.#trouble = trouble;
  }

  override async load(of: Model, variant: Variant, options?: LoadOptions): Promise<Runner> {
    const runner = await super.load(of, variant, options);
    const prefill = runner.prefill.bind(runner);
    runner.prefill = async (tokens, rest) => {
      this.prefills.push(`${variant} ${tokens.length}`);
      const error = this.#trouble(variant, tokens.length);
      if (error !== undefined) throw error;
      return prefill(tokens, rest);
    };
    return runner;
  }
}

describe("a context-length sweep", () => {
  it("measures every variant at every length, as often as the document, and takes the document's own from its runs", async () => {
    const engine = new WatchedEngine();
    const report = await profile(request({ engine, sweep: [300, 16, 100, 16] }));
    const { points, method } = sweepOf(report);
    assert.deepEqual(report.settings.sweep, [16, 100, 300]);
    assert.deepEqual(
      points.map(({ tokens, repeated, skipped }) => [tokens, repeated, skipped]),
      [
        [16, false, undefined],
        [64, false, undefined],
        [100, false, undefined],
        [300, true, undefined],
      ],
    );
    for (const { tokens, variants } of points) {
      for (const variant of DEFAULT_DESIGNS) {
        const point = variants[variant]!;
        assert.equal(point.prefillSamples.length, 2);
        assert.equal(point.timePerOutputTokenSamples?.length, 2);
        assert.ok(point.prefillMs > 0 && point.timePerOutputTokenMs! > 0);
        const formula = predictedKvBytes(model.architecture, variant, tokens, 4).reduce((sum, bytes) => sum + bytes, 0);
        assert.equal(point.kvBytes, formula, `${variant} at ${tokens}`);
        if (tokens !== 64) continue;
        assert.deepEqual(point.prefillSamples, report.variants[variant]!.totals.prefillSamples);
        assert.equal(point.kvBytes, report.variants[variant]!.totals.kvBytes);
      }
    }
    assert.match(method, /cut to each length, or repeated.*2 timed runs of each variant after 1 untimed/);

    // A warm-up round, then the rounds with their order rotated.
    const [a, b, c] = DEFAULT_DESIGNS;
    assert.deepEqual(
      engine.prefills.filter((run) => run.endsWith(" 100")),
      [a, b, c, a, b, c, b, c, a].map((variant) => `${variant} 100`),
    );
  });

  it("skips what does not fit in memory, without running it", async () => {
    class SmallEngine extends WatchedEngine {
      override estimateBytes(_: Model, __: Variant, tokens: number): number {
        return tokens * 2 ** 30;
      }
      override availableBytes(): number {
        return 128 * 2 ** 30;
      }
    }
    const engine = new SmallEngine();
    const { points } = sweepOf(await profile(request({ engine, sweep: [100, 200], decodeTokens: 0 })));
    assert.deepEqual(
      points.map(({ tokens }) => tokens),
      [64, 100, 200],
    );
    assert.equal(points[1]?.skipped, undefined);
    assert.equal(points[2]?.skipped, "200 tokens need about 200 GiB beside the weights and 128 GiB are available");
    assert.deepEqual(points[2].variants, {});
    assert.ok(!engine.prefills.some((run) => run.endsWith(" 200")));
  });

  it("skips what the engine refuses or cannot do, says why, and goes on", async () => {
    const engine = new WatchedEngine((variant, tokens) => {
      if (variant !== "full") return undefined;
      if (tokens === 80) return new UserError("80 tokens are more than this engine takes");
      return tokens === 90 ? new RangeError("Array buffer allocation failed") : undefined;
    });
    const { points } = sweepOf(await profile(request({ engine, sweep: [80, 90, 100], repetitions: 1 })));
    assert.deepEqual(
      points.map(({ skipped, variants }) => [skipped, Object.keys(variants).length]),
      [
        [undefined, 3],
        ["80 tokens are more than this engine takes", 0],
        ["it failed unexpectedly: Array buffer allocation failed", 0],
        [undefined, 3],
      ],
    );
  });

  it("stops when cancelled, in the middle of a length", async () => {
    const stop = new AbortController();
    const reason = new Error("stopped by the test");
    const seen: string[] = [];
    const run = profile(
      request({
        sweep: [200],
        signal: stop.signal,
        onProgress: ({ phase }) => {
          seen.push(phase);
          if (phase.startsWith("200 tokens, prefill 2")) stop.abort(reason);
        },
      }),
    );
    await assert.rejects(run, reason);
    assert.match(seen.at(-1) ?? "", /^200 tokens, prefill 2 of 2$/);
  });

  it("is counted in the progress, lengths that are skipped too", async () => {
    const seen: ProfileProgress[] = [];
    const engine = new WatchedEngine((_, tokens) => (tokens === 150 ? new UserError("no") : undefined));
    await profile(request({ engine, sweep: [100, 150, 200], onProgress: (progress) => void seen.push(progress) }));
    const shares = seen.map(({ done, total }) => done / total);
    shares.slice(1).forEach((share, i) => assert.ok(share >= shares[i]! - 1e-12, `${share} after ${shares[i]!}`));
    assert.ok(Math.abs(shares.at(-1)! - 1) < 1e-9, `ends at ${shares.at(-1)!}`);
    const before = seen.findIndex(({ phase }) => phase.startsWith("100 tokens"));
    assert.ok(shares[before]! < 0.6, "the sweep has its share");
  });

  it("runs nothing more where only the document's own length is asked for", async () => {
    const engine = new WatchedEngine();
    const { points } = sweepOf(await profile(request({ engine, sweep: "auto", repetitions: 1 })));
    assert.deepEqual(
      points.map(({ tokens }) => tokens),
      [64],
    );
    assert.equal(engine.prefills.length, 6, "a warm-up and a repetition of each variant");
  });

  it("is absent unless asked for", async () => {
    const report = await profile(request({ repetitions: 1 }));
    assert.equal(report.sweep, undefined);
    assert.equal(report.settings.sweep, undefined);
  });
});

describe("lengths of a sweep", () => {
  it("are the powers of two that the document fills, and the document, where nobody names any", () => {
    assert.deepEqual(sweepLengths("auto", 3986), [1024, 2048, 3986]);
    assert.deepEqual(sweepLengths("auto", 4096), [1024, 2048, 4096]);
    assert.deepEqual(sweepLengths("auto", 16384), [1024, 2048, 4096, 8192, 16384]);
    assert.deepEqual(sweepLengths("auto", 300), [300]);
  });

  it("are refused where they are none", () => {
    for (const bad of [[], [0], [-1], [1.5], [NaN], [Infinity]]) {
      assert.throws(() => sweepLengths(bad, 100), UserError);
    }
  });

  it("are filled by repeating the document from its start", () => {
    const document = Uint32Array.from([5, 6, 7]);
    assert.deepEqual([...contextOf(document, 2)], [5, 6]);
    assert.deepEqual([...contextOf(document, 3)], [5, 6, 7]);
    assert.deepEqual([...contextOf(document, 8)], [5, 6, 7, 5, 6, 7, 5, 6]);
  });
});
