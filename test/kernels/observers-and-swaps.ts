import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { ChooseBlocks, Engine, SelectionSwap } from "../../src/engine/engine.ts";
import { floatModel } from "../../src/engine/float-model.ts";
import type { OracleSelection, Selection } from "../../src/engine/selection.ts";
import { fedBy, oracleOf, schedule, selectedBlocks, type Architecture } from "../../src/model/architecture.ts";
import type { Model } from "../../src/model/model.ts";
import { BruteForce, type LayerReads } from "./brute-force.ts";
import { recent, scattered, withSinks } from "./choices.ts";
import { assertClose, relativeError, type Run } from "./compare.ts";
import { SEED, type ConformanceOptions } from "./conformance.ts";
import { runnable, SUBJECTS, type Subject } from "./spread.ts";
import { describeSwapRules } from "./swap-rules.ts";
import { randomTokens, tinyArchitecture, tinyModel } from "./tiny-model.ts";
import { emptyTrace, recorder, traceRun } from "./trace.ts";

export interface ObserversOptions extends ConformanceOptions {
  /** Fewer lengths, one chunking and no rules: for a path of an engine that passed them all on another, and takes long. */
  readonly brief?: boolean;
}

/** Subjects with an oracle that feeds sparse layers, and a schedule whose last two layers are both full. */
const SWAPPABLE: readonly Subject[] = [
  ...SUBJECTS.filter(({ architecture }) => feeders(architecture).length > 0),
  {
    name: "the layer before the last one feeds nobody",
    architecture: tinyArchitecture({ layers: 6, sparsePerFull: 1 }),
  },
];

/**
 * Checks what observers are told of projections and logits, and every swap of the selection, layer by layer against dense
 * attention in float64 over the inputs that the engine itself told: at the edges of blocks and in several chunkings.
 */
export function describeObserversAndSwaps(
  name: string,
  createEngine: () => Promise<Engine>,
  {
    tolerance,
    tieGap = 1e-3,
    halves = false,
    subjects = () => true,
    brief = false,
    keepOpen = false,
  }: ObserversOptions,
): void {
  describe(`${name}: observers and swaps (SEED=${SEED})`, () => {
    let engine: Engine;
    before(async () => {
      engine = await createEngine();
    });
    after(async () => {
      if (!keepOpen) await engine.dispose();
    });

    async function run(model: Model, tokens: Uint32Array, swap?: SelectionSwap, chunk?: number): Promise<Run> {
      const options = { ...(chunk === undefined ? {} : { chunk }), ...(swap === undefined ? {} : { swap }) };
      const runner = await engine.load(model, "hysparse", options);
      const trace = await traceRun(runner, model.architecture, tokens);
      const selection = await runner.selection();
      await runner.dispose();
      return { trace, selection };
    }

    SWAPPABLE.filter(subjects).forEach((subject, index) => {
      describe(subject.name, () => {
        const a = subject.architecture;
        const seed = SEED + index;
        const model = tinyModel(a, seed, { ...subject.options, halves });
        const stretches = stretchesOf(a, brief);
        const chunked = stretches.filter(({ chunk }) => chunk !== undefined);
        /** One token, an edge of a block, and chunks: for what another test does at every edge. */
        const few = [stretches[0]!, ...stretches.filter(({ tokens }) => tokens === a.block + 1), ...chunked];
        const all = randomTokens(a, Math.max(...stretches.map(({ tokens }) => tokens)), seed);
        const kinds = schedule(a);
        const known = new Map<string, Promise<Run>>();
        /** The first `count` tokens without a swap. */
        function learnedRun(count: number, chunk: number | undefined): Promise<Run> {
          const key = `${count} by ${chunk ?? "default"}`;
          const found = known.get(key) ?? run(model, all.slice(0, count), undefined, chunk);
          known.set(key, found);
          return found;
        }

        async function unwatched(tokens: Uint32Array, chunk: number, swap: SelectionSwap): Promise<Float32Array> {
          const runner = await engine.load(model, "hysparse", { chunk, swap });
          const logits = await runner.prefill(tokens);
          await runner.dispose();
          return logits;
        }

        /** Every layer from the input it had; the layers' selection as `reads` says. */
        async function assertLayers(
          { trace }: Run,
          tokens: Uint32Array,
          reads: (l: number) => LayerReads,
          what: string,
        ): Promise<void> {
          const exact = new BruteForce(await floatModel(model), tokens, trace.outputs, halves);
          kinds.forEach((_, layer) => {
            assertRows(trace.outputs[layer]!, exact.output(layer, reads(layer)), tolerance, `${what}, layer ${layer}`);
          });
          assertClose(trace.logits, exact.logits().subarray(-a.vocabulary), tolerance, `${what}, logits`);
        }

        it("tells queries, own keys and values of every layer, in prefill and in decode", async () => {
          for (const variant of runnable(engine, a)) {
            // Edges of blocks are nothing to variants that select none.
            for (const { tokens: count, chunk } of variant === "hysparse" ? stretches : [stretches[0]!, ...chunked]) {
              const tokens = all.slice(0, count);
              const decoded = Math.min(3, count - 1);
              const runner = await engine.load(model, variant, chunk === undefined ? {} : { chunk });
              const trace = emptyTrace(a.layers);
              const told = kinds.map((): { q: number[]; k: number[]; v: number[] } => ({ q: [], k: [], v: [] }));
              const observer = {
                ...recorder(a, trace),
                onProjected: (
                  layer: number,
                  start: number,
                  q: Float32Array,
                  k: Float32Array,
                  v: Float32Array,
                ): void => {
                  const { q: queries, k: keys, v: values } = told[layer]!;
                  assert.equal(
                    queries.length,
                    start * a.queryHeads * a.headDim,
                    `layer ${layer}: queries without gaps`,
                  );
                  assert.equal(keys.length, start * a.kvHeads * a.headDim, `layer ${layer}: keys without gaps`);
                  queries.push(...q);
                  keys.push(...k);
                  values.push(...v);
                },
              };
              await runner.prefill(tokens.slice(0, count - decoded), { observer });
              for (const token of tokens.slice(count - decoded)) await runner.decode(token, { observer });
              await runner.dispose();
              const exact = new BruteForce(await floatModel(model), tokens, trace.outputs, halves);
              told.forEach(({ q, k, v }, layer) => {
                const what = `${variant}, ${count} tokens by ${chunk ?? "default"}, layer ${layer}`;
                const expected = exact.projections(layer);
                assertRows(cut(q, count), expected.q, tolerance, `${what}, queries`);
                assertRows(cut(k, count), expected.k, tolerance, `${what}, keys`);
                assertRows(cut(v, count), expected.v, tolerance, `${what}, values`);
              });
            }
          }
        });

        it("tells the logits after every position of a prompt, and none in decode", async () => {
          for (const { tokens: count, chunk } of stretches) {
            const runner = await engine.load(model, "hysparse", chunk === undefined ? {} : { chunk });
            const rows: Float32Array[] = [];
            const onLogits = (start: number, logits: Float32Array): void => {
              assert.equal(start, rows.length, "logits come without gaps");
              assert.ok(logits.length > 0 && logits.length % a.vocabulary === 0, `${logits.length} logits`);
              for (let at = 0; at < logits.length; at += a.vocabulary) rows.push(logits.slice(at, at + a.vocabulary));
            };
            // Nobody looks at single layers here, as when a document's loss is measured.
            const last = await runner.prefill(all.slice(0, count), { observer: { onLogits } });
            const what = `${count} tokens by ${chunk ?? "default"}, logits`;
            const { outputs } = (await learnedRun(count, chunk)).trace;
            const exact = new BruteForce(await floatModel(model), all.slice(0, count), outputs, halves);
            assert.equal(rows.length, count, what);
            assertRows(rows, exact.logits(), tolerance, what);
            assertClose(rows.at(-1)!, last, tolerance, `${what} as returned`);
            await runner.decode(1, { observer: { onLogits: () => assert.fail("decode told logits") } });
            await runner.dispose();
          }
        });

        it("blocks: the learned choice, replayed, changes nothing", async () => {
          for (const { tokens: count, chunk } of few) {
            const tokens = all.slice(0, count);
            const learned = await learnedRun(count, chunk);
            const choose: ChooseBlocks = (layer, query, kvHead, out) => {
              const { blocks } = oracle(learned.selection, layer).at(query, kvHead);
              out.set(blocks);
              return blocks.length;
            };
            const replayed = await run(model, tokens, { kind: "blocks", choose }, chunk);
            assertIdentical(replayed, learned, `${count} tokens by ${chunk ?? "default"}`);
          }
        });

        it("blocks: sparse layers read what was chosen, oracles go on learning", async () => {
          for (const choose of [recent(a), scattered(a)]) {
            for (const { tokens: count, chunk } of choose.name === "scatteredBlocks" ? stretches : few) {
              const what = `${choose.name}, ${count} tokens by ${chunk ?? "default"}`;
              const tokens = all.slice(0, count);
              const swapped = await run(model, tokens, { kind: "blocks", choose }, chunk);
              const chosenBy = (layer: number) => (query: number, kvHead: number) => {
                const out = new Uint32Array(selectedBlocks(a));
                return [...out.subarray(0, choose(layer, query, kvHead, out))];
              };
              const reads = (layer: number): LayerReads =>
                kinds[layer] === "full"
                  ? { kind: "full" }
                  : { kind: "sparse", within: chosenBy(oracleOf(kinds, layer)) };
              await assertLayers(swapped, tokens, reads, what);
              assertLearned(swapped, a, count, tieGap, what);
              if (chunk !== undefined) {
                // Engines may then do several layers at once: their choices must not get in each other's way.
                const logits = await unwatched(tokens, chunk, { kind: "blocks", choose });
                assertClose(logits, swapped.trace.logits, 0, `${what}, nobody looking at single layers`);
              }
              const learned = await learnedRun(count, chunk);
              // Nothing is swapped before the first oracle.
              assert.deepEqual(swapped.selection!.oracles[0], learned.selection!.oracles[0], `${what}: first oracle`);
            }
          }
        });

        it("silent: as if every head's attention went to a sink, and not as learned", async () => {
          const loud = withSinks(model, 1e4);
          for (const { tokens: count, chunk } of stretches) {
            const what = `${count} tokens by ${chunk ?? "default"}`;
            const tokens = all.slice(0, count);
            const silent = await run(model, tokens, { kind: "silent" }, chunk);
            const reads = (layer: number): LayerReads =>
              kinds[layer] === "full" ? { kind: "full" } : { kind: "sparse", within: "nothing" };
            await assertLayers(silent, tokens, reads, what);
            assertLearned(silent, a, count, tieGap, what);
            if (chunk !== undefined) assertIdentical(silent, await run(loud, tokens, undefined, chunk), what);
            const learned = await learnedRun(count, chunk);
            const difference = relativeError(silent.trace.logits, learned.trace.logits);
            assert.ok(difference > tolerance, `${what}: logits differ from the learned run's by ${difference}`);
          }
        });

        if (kinds.at(-1) !== "full") return;
        it("restrict-last: the last layer reads its own keys in the blocks of the oracle before it", async () => {
          let differed = false;
          for (const { tokens: count, chunk } of stretches) {
            const what = `${count} tokens by ${chunk ?? "default"}`;
            const tokens = all.slice(0, count);
            const restricted = await run(model, tokens, { kind: "restrict-last" }, chunk);
            const learned = await learnedRun(count, chunk);
            const from = feeders(a).at(-1)!;
            const selected = (layer: number) => (query: number, kvHead: number) =>
              oracle(restricted.selection, layer).at(query, kvHead).blocks;
            const reads = (layer: number): LayerReads => {
              if (layer === a.layers - 1) return { kind: "full", within: selected(from) };
              if (kinds[layer] === "full") return { kind: "full" };
              return { kind: "sparse", within: selected(oracleOf(kinds, layer)) };
            };
            await assertLayers(restricted, tokens, reads, what);
            assert.deepEqual(restricted.selection, learned.selection, `${what}: selection`);
            assert.deepEqual(restricted.trace.outputs.slice(0, -1), learned.trace.outputs.slice(0, -1), what);
            // It computes no scores, so it has none to tell.
            const full = kinds.flatMap((kind, layer) => (kind === "full" && layer < a.layers - 1 ? [layer] : []));
            assert.deepEqual([...restricted.trace.scores.keys()], full, `${what}: layers that told scores`);
            if (relativeError(restricted.trace.logits, learned.trace.logits) > tolerance) differed = true;
          }
          // The longest prompt has four blocks.
          assert.ok(
            differed || selectedBlocks(a) >= 4,
            "the restricted layer never gave anything else than the free one",
          );
        });
      });
    });

    if (!brief) describeSwapRules({ engine: () => engine, tolerance, seed: SEED, halves });
  });
}

/** A number of tokens, and the queries per chunk where not the engine chooses. */
interface Stretch {
  readonly tokens: number;
  readonly chunk?: number;
}

/** Lengths around the edges of blocks, and chunks that cut them. */
function stretchesOf({ block }: Architecture, brief: boolean): Stretch[] {
  const several = 3 * block + 2;
  const cut = { tokens: several, chunk: block - 1 };
  if (brief) return [{ tokens: 1 }, { tokens: block + 1 }, cut];
  const whole = [1, block - 1, block, block + 1, several].map((tokens): Stretch => ({ tokens }));
  return [...whole, cut, { tokens: several, chunk: several - 1 }].filter(
    ({ tokens, chunk = 1 }) => tokens > 0 && chunk > 0,
  );
}

/** The oracles that feed sparse layers. */
function feeders(a: Architecture): number[] {
  const kinds = schedule(a);
  return kinds.flatMap((_, layer) => (fedBy(kinds, layer).length > 0 ? [layer] : []));
}

function oracle(selection: Selection | undefined, layer: number): OracleSelection {
  const found = selection?.oracles.find((one) => one.layer === layer);
  assert.ok(found !== undefined, `layer ${layer} has a selection`);
  return found;
}

/** `values` cut into `rows` arrays of one length. */
function cut(values: readonly number[], rows: number): Float32Array[] {
  const width = values.length / rows;
  return Array.from({ length: rows }, (_, row) => Float32Array.from(values.slice(row * width, (row + 1) * width)));
}

function assertRows(rows: readonly Float32Array[], expected: Float64Array, tolerance: number, what: string): void {
  const width = expected.length / rows.length;
  rows.forEach((row, t) => {
    assertClose(row, expected.subarray(t * width, (t + 1) * width), tolerance, `${what}, position ${t}`);
  });
}

/** Every output, score, selection and logit the same; zeros of either sign are alike. */
function assertIdentical(actual: Run, expected: Run, what: string): void {
  expected.trace.outputs.forEach((rows, layer) => {
    rows.forEach((row, t) =>
      assertClose(actual.trace.outputs[layer]![t]!, row, 0, `${what}, layer ${layer}, position ${t}`),
    );
  });
  assertClose(actual.trace.logits, expected.trace.logits, 0, `${what}, logits`);
  assert.deepEqual(actual.trace.scores, expected.trace.scores, `${what}: scores`);
  assert.deepEqual(actual.selection, expected.selection, `${what}: selection`);
}

/** The selection is the best blocks by the scores that were told; `tieGap` as in compare.ts. */
function assertLearned({ trace, selection }: Run, a: Architecture, tokens: number, tieGap: number, what: string): void {
  const slots = selectedBlocks(a);
  assert.deepEqual(
    selection!.oracles.map(({ layer }) => layer),
    feeders(a),
    `${what}: oracles`,
  );
  for (const { layer } of selection!.oracles) {
    const learned = oracle(selection, layer);
    assert.equal(learned.length, tokens, `${what}: queries with a selection`);
    for (let query = 0; query < tokens; query++) {
      for (let head = 0; head < a.kvHeads; head++) {
        const scores = trace.scores.get(layer)![query]![head]!;
        const { blocks } = learned.at(query, head);
        assert.equal(blocks.length, Math.min(slots, Math.floor(query / a.block) + 1), `${what}: blocks of ${query}`);
        const worst = Math.min(...blocks.map((block) => scores[block]!));
        const refused = Math.max(0, ...scores.filter((_, block) => !blocks.includes(block)));
        assert.ok(worst >= refused * (1 - tieGap), `${what}, layer ${layer}, query ${query}: ${worst} < ${refused}`);
      }
    }
  }
}
