import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { linear } from "../../kernels/linear/reference.ts";
import { rmsnorm } from "../../kernels/rmsnorm/reference.ts";
import { asRun } from "../../src/designs/as-planned.ts";
import { planOf } from "../../src/designs/designs.ts";
import type { MixerId } from "../../src/designs/plan.ts";
import { type Engine, type LoadOptions, type Variant } from "../../src/engine/engine.ts";
import { floatModel } from "../../src/engine/float-model.ts";
import { ReferenceEngine } from "../../src/engine/reference/engine.ts";
import { schedule, type Architecture } from "../../src/model/architecture.ts";
import type { Model } from "../../src/model/model.ts";
import { assertClose, assertSameRun, type Coverage, type Run, type Tolerance } from "./compare.ts";
import { describeBehaviour } from "./behaviour.ts";
import { GateTies } from "./gate-ties.ts";
import {
  chunkings,
  decodings,
  designsOf,
  edgeLengths,
  edgesOf,
  LONG,
  SUBJECTS,
  withSmallBlocks,
  type Subject,
} from "./spread.ts";
import { randomTokens, tinyModel } from "./tiny-model.ts";
import { traceRun, type TraceOptions } from "./trace.ts";

/** Fresh in every run; set SEED to repeat one. It is in the suite's name, so a failure prints it. */
export const SEED = Number(process.env["SEED"] ?? Math.floor(Math.random() * 0x1_0000_0000));

export interface ConformanceOptions extends Partial<Tolerance> {
  /** Largest relative error of one position's layer output, scores or logits. */
  readonly tolerance: number;
  /** Largest share of queries whose selection may tie, and of rows skipped after a tie; 0.05 when absent. */
  readonly unjudged?: number;
  /** The engine keeps matrices and KV cache in 16 bits: then so does the reference, and only sums may differ. */
  readonly halves?: boolean;
  /** Whoever opened the engine closes it: more suites use the same one. */
  readonly keepOpen?: boolean;
  /** Which of SUBJECTS; all when absent. For engines that compile long for every architecture. */
  readonly subjects?: (subject: Subject) => boolean;
  /** What the engine does when cancelled, misused or observed is checked with other kernels of it. */
  readonly agreementOnly?: true;
  /** Designs that the engine has no mixer for. */
  readonly declines?: readonly Variant[];
}

/**
 * Checks that an engine does what engine.ts says and agrees with the reference: outputs, scores and selections at every
 * edge length, in any chunking, in decode; KV bytes as allocated; and its behaviour when cancelled, misused or observed.
 */
export function describeEngine(name: string, createEngine: () => Promise<Engine>, options: ConformanceOptions): void {
  const limits: Tolerance = { tieGap: 1e-3, ...options };
  const unjudged = options.unjudged ?? 0.05;
  const halves = options.halves ?? false;
  const coverage: Coverage = { queries: 0, tied: 0, rows: 0, skippedRows: 0 };

  describe(`${name} (SEED=${SEED})`, () => {
    const reference = new ReferenceEngine(halves ? "float16" : undefined);
    let engine: Engine;
    before(async () => {
      engine = await createEngine();
    });
    after(async () => {
      if (options.keepOpen !== true) await engine.dispose();
    });

    SUBJECTS.filter(options.subjects ?? (() => true)).forEach((subject, index) => {
      describe(subject.name, () => {
        const architecture = withSmallBlocks(subject.architecture);
        const fixture = fixtureOf({ ...subject, architecture }, SEED + index, halves);
        for (const variant of designsOf(subject).filter((id) => options.declines?.includes(id) !== true)) {
          const edges = edgesOf(variant, architecture);
          const expected = (tokens: number): Promise<Run> =>
            fixture.expected(reference, variant, tokens, limits.tieGap);

          it(`${variant}: agrees with the reference at ${edgeLengths(edges).join(", ")} tokens`, async () => {
            const runner = await engine.load(fixture.model, variant);
            assert.ok(engine.defaultChunk(fixture.model) >= 1, "default chunk");
            const mixers = runner.plan.map(({ mixer }) => mixer);
            assert.deepEqual(mixers, expectedMixers(architecture, variant));
            for (const tokens of edgeLengths(edges)) {
              const trace = await traceRun(runner, asRun(architecture, variant), fixture.tokens(tokens));
              const actual = { trace, selection: await runner.selection() };
              assertSameRun(actual, await expected(tokens), limits, coverage, `${tokens} tokens`);
              assert.deepEqual(runner.kvBytes(), expectedKvBytes(engine, architecture, variant, tokens), "KV bytes");
              runner.reset();
            }
            await runner.dispose();
          });

          it(`${variant}: any chunking gives the same`, async () => {
            for (const { chunk, tokens } of chunkings(edges)) {
              const actual = await fixture.run(engine, variant, tokens, { chunk });
              assertSameRun(actual, await expected(tokens), limits, coverage, `${tokens} tokens by ${chunk}`);
            }
          });

          it(`${variant}: decode continues a prompt as prefill would`, async () => {
            for (const { prompt, tokens, reserve } of decodings(edges)) {
              const what = `${prompt} tokens, then ${tokens - prompt} decoded`;
              const steps: Float32Array[] = [];
              const actual = await fixture.run(engine, variant, tokens, {
                decoded: tokens - prompt,
                reserve,
                onLogits: (_, logits) => steps.push(logits),
              });
              const whole = await expected(tokens);
              const before = { ...coverage };
              assertSameRun(actual, whole, limits, coverage, what);
              // After a tie that fell the other way the steps' logits differ by right.
              if (coverage.skippedRows > before.skippedRows) continue;
              for (const [step, logits] of steps.entries()) {
                const hidden = whole.trace.outputs.at(-1)![prompt + step]!;
                assertClose(
                  logits,
                  await logitsOf(fixture.model, hidden),
                  limits.tolerance,
                  `${what}, logits of step ${step}`,
                );
              }
            }
          });
        }
      });
    });

    it("ties in the reference are few enough for the suite to mean something", () => {
      const report = JSON.stringify(coverage);
      assert.ok(coverage.queries > 0 && coverage.rows > 0, report);
      assert.ok(coverage.tied <= unjudged * coverage.queries, report);
      assert.ok(coverage.skippedRows <= unjudged * coverage.rows, report);
    });

    if (options.agreementOnly) return;
    describeBehaviour({ engine: () => engine, reference, limits, seed: SEED, halves });
  });
}

/** What the designs say of each layer, worked out here a second time. */
function expectedMixers(architecture: Architecture, variant: Variant): MixerId[] {
  if (variant === "full" || variant === "streaming" || variant === "moba")
    return schedule(architecture).map(() => variant);
  if (variant === "index-reuse")
    return schedule(architecture).map((_, layer) => (layer === 0 || layer === 2 ? "full" : "reuse"));
  return schedule(architecture).map((kind) => (kind === "sparse" && variant === "hybrid-swa" ? "window" : kind));
}

/** 2 Hkv d b T in a full layer, under `moba` Hkv d b ceil(T / B) more; 2 Hkv d b min(T, w) in any other, under `streaming` min(T, 4 + w). */
export function expectedKvBytes(engine: Engine, a: Architecture, variant: Variant, tokens: number): number[] {
  const perToken = 2 * a.kvHeads * a.headDim * engine.info.kvBytesPerValue;
  const ring = Math.min(tokens, variant === "streaming" ? 4 + a.window : a.window);
  const rows: Readonly<Partial<Record<MixerId, number>>> = {
    ...{ full: tokens, reuse: tokens, sparse: ring, window: ring, streaming: ring },
    moba: tokens + Math.ceil(tokens / Number(a.laid?.["moba"]?.["block"] ?? 512)) / 2,
  };
  return expectedMixers(a, variant).map((kind) => perToken * rows[kind]!);
}

/** Final norm and head over one position's last hidden state. */
async function logitsOf(model: Model, hidden: Float32Array): Promise<Float64Array> {
  const { architecture: a, weights } = await floatModel(model);
  const x = rmsnorm({ x: hidden, weight: weights.finalNorm, eps: a.normEps });
  return linear({ x, weight: weights.head, inputs: a.hidden });
}

const fixtures = new Map<string, Fixture>();

/** The paths of one engine are held against the same runs of the reference. */
function fixtureOf(subject: Subject, seed: number, halves: boolean): Fixture {
  const key = JSON.stringify([subject.name, seed, halves]);
  const found = fixtures.get(key) ?? new Fixture(subject, seed, halves);
  fixtures.set(key, found);
  return found;
}

/** A subject's model and its one stream of tokens; shorter prompts are beginnings of longer ones. */
class Fixture {
  readonly model: Model;
  readonly #tokens: Uint32Array;
  readonly #expected = new Map<string, Promise<Run>>();

  constructor({ architecture, options }: Subject, seed: number, halves: boolean) {
    this.model = tinyModel(architecture, seed, { ...options, halves });
    this.#tokens = randomTokens(architecture, Math.max(LONG, 300), seed);
  }

  tokens(count: number): Uint32Array {
    return this.#tokens.slice(0, count);
  }

  /** What an engine is held against: a run of the reference, and where it chose between blocks that as good as tie. */
  expected(reference: Engine, variant: Variant, count: number, tieGap: number): Promise<Run> {
    const key = `${variant}, ${count} tokens, ${tieGap}`;
    const found = this.#expected.get(key) ?? this.#referenceRun(reference, variant, count, tieGap);
    this.#expected.set(key, found);
    return found;
  }

  async #referenceRun(reference: Engine, variant: Variant, count: number, tieGap: number): Promise<Run> {
    const ties = new GateTies(this.model.architecture, tieGap);
    const observed = variant === "moba" ? { onProjected: ties.onProjected } : {};
    const run = await this.run(reference, variant, count, observed);
    return {
      ...run,
      tied: ties.at,
      choice: planOf(this.model.architecture, variant).find(({ choice }) => choice)?.choice,
    };
  }

  /** Runs the first `count` tokens on a runner of its own. */
  async run(engine: Engine, variant: Variant, count: number, options: LoadOptions & TraceOptions = {}): Promise<Run> {
    const { chunk, ...rest } = options;
    const runner = await engine.load(this.model, variant, chunk === undefined ? {} : { chunk });
    const trace = await traceRun(runner, asRun(this.model.architecture, variant), this.tokens(count), rest);
    const selection = await runner.selection();
    await runner.dispose();
    return { trace, selection };
  }
}
