import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { asRun } from "../../src/designs/as-planned.ts";
import { withParameters } from "../../src/designs/laid.ts";
import { CpuEngine } from "../../src/engine/cpu/engine.ts";
import type { Engine, Variant } from "../../src/engine/engine.ts";
import { floatModel } from "../../src/engine/float-model.ts";
import { ReferenceEngine } from "../../src/engine/reference/engine.ts";
import type { Model } from "../../src/model/model.ts";
import { predictedKvBytes } from "../../src/profile/kv.ts";
import { BruteForce, type Reads } from "./brute-force.ts";
import { assertClose } from "./compare.ts";
import { SEED } from "./conformance.ts";
import { randomTokens, tinyArchitecture, tinyModel } from "./tiny-model.ts";
import { traceRun, type Trace } from "./trace.ts";

const plain = tinyArchitecture({ layers: 5 });
const model = tinyModel(plain, SEED);
const tokens = randomTokens(plain, 75, SEED);
/** Layers 1 and 2 read by layer 0's choice, layer 4 by layer 3's. */
const ANCHOR = [undefined, 0, 0, undefined, 3];

interface Chosen {
  readonly block: number;
  readonly k: number;
  readonly first: number;
  readonly window: number;
}

function laid(parameters: Partial<Chosen> & { readonly anchors?: string }): Model {
  return { ...model, architecture: withParameters(plain, "index-reuse", { anchors: "0+3", ...parameters }) };
}

async function traced(engine: Engine, of: Model, variant: Variant, count = tokens.length, decoded = 0): Promise<Trace> {
  const runner = await engine.load(of, variant, { chunk: 20 });
  const trace = await traceRun(runner, asRun(of.architecture, variant), tokens.slice(0, count), { decoded });
  await runner.dispose();
  return trace;
}

/**
 * The definition once more, from whole arrays: the first and the newest blocks, and of the others those in which some head of the
 * group looks hardest.
 */
function choices(exact: BruteForce, anchor: number, { block, k, first, window }: Chosen): Reads {
  const { q, k: keys } = exact.projections(anchor);
  const { queryHeads, kvHeads, headDim: d } = plain;
  const group = queryHeads / kvHeads;
  const probabilities = (query: number, head: number): number[] => {
    const logits = Array.from({ length: query + 1 }, (_, key) => {
      let sum = 0;
      const at = (key * kvHeads + Math.floor(head / group)) * d;
      for (let c = 0; c < d; c++) sum += q[(query * queryHeads + head) * d + c]! * keys[at + c]!;
      return Math.exp(sum / Math.sqrt(d));
    });
    const total = logits.reduce((all, one) => all + one, 0);
    return logits.map((one) => one / total);
  };
  return (query, kvHead) => {
    const seen = Math.floor(query / block) + 1;
    const read = (index: number): boolean =>
      index * block < first || index > Math.floor(query / block) - 1 - Math.ceil((window - 1) / block);
    const score = Array<number>(seen).fill(0);
    for (let g = 0; g < group; g++) {
      probabilities(query, kvHead * group + g).forEach((p, key) => {
        const index = Math.floor(key / block);
        score[index] = Math.max(score[index]!, p);
      });
    }
    const all = Array.from({ length: seen }, (_, index) => index);
    const rivals = all.filter((index) => !read(index)).sort((a, b) => score[b]! - score[a]! || a - b);
    return [...all.filter(read), ...rivals.slice(0, k / block)];
  };
}

describe(`index reuse (SEED=${SEED})`, () => {
  const reference = new ReferenceEngine();
  const cpu = new CpuEngine();

  for (const chosen of [
    { block: 8, k: 16, first: 4, window: 12 },
    { block: 4, k: 4, first: 0, window: 1 },
    { block: 1, k: 5, first: 2, window: 6 },
  ]) {
    it(`is its definition under a mask: ${JSON.stringify(chosen)}`, async () => {
      for (const [engine, tolerance] of [
        [reference, 1e-5],
        [cpu, 1e-4],
      ] as const) {
        const { outputs } = await traced(engine, laid(chosen), "index-reuse", 75, 6);
        const architecture = { ...plain, block: chosen.block };
        const exact = new BruteForce({ ...(await floatModel(model)), architecture }, tokens, outputs, false);
        outputs.forEach((rows, layer) => {
          const anchor = ANCHOR[layer];
          const expected = exact.output(layer, {
            kind: "full",
            ...(anchor === undefined ? {} : { within: choices(exact, anchor, chosen) }),
          });
          const row = (t: number): Float64Array => expected.subarray(t * plain.hidden, (t + 1) * plain.hidden);
          rows.forEach((of, t) => assertClose(of, row(t), tolerance, `${engine.info.id}, layer ${layer}, ${t}`));
        });
      }
    });
  }

  it("with a budget of everything it is full attention, around a block's edge and in decode", async () => {
    for (const [engine, tolerance] of [
      [reference, 1e-6],
      [cpu, 1e-4],
    ] as const) {
      for (const count of [1 + 2, 7 + 2, 8 + 2, 9 + 2, 75]) {
        const all = await traced(engine, laid({ k: 80, first: 0, window: 1 }), "index-reuse", count, 2);
        const full = await traced(engine, model, "full", count, 2);
        assertClose(all.logits, full.logits, tolerance, `${engine.info.id}, ${count} tokens`);
      }
    }
  });

  it("keeps what full attention keeps", () => {
    for (const count of [1, 63, 64, 65, 4096, 32_768]) {
      assert.deepEqual(predictedKvBytes(plain, "index-reuse", count, 2), predictedKvBytes(plain, "full", count, 2));
    }
  });
});
