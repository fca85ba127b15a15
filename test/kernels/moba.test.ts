import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { withParameters } from "../../src/designs/laid.ts";
import { planOf } from "../../src/designs/designs.ts";
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

// Blocks of 8, and room for more of them than are read.
const BLOCK = 8;
const plain = tinyArchitecture({ layers: 3, block: BLOCK });
const model = tinyModel(plain, SEED);
const tokens = randomTokens(plain, 75, SEED);

function laid(parameters: Readonly<Record<string, number | string>>): Model {
  return { ...model, architecture: withParameters(plain, "moba", { block: BLOCK, ...parameters }) };
}

async function traced(engine: Engine, of: Model, variant: Variant, count = tokens.length, decoded = 0): Promise<Trace> {
  const runner = await engine.load(of, variant, { chunk: 20 });
  const trace = await traceRun(runner, of.architecture, tokens.slice(0, count), { decoded });
  await runner.dispose();
  return trace;
}

/** The definition once more, from whole arrays: each head's query, its block, the `topk - 1` best means before it. */
function choices(exact: BruteForce, layer: number, topk: number): Reads {
  const { q, k } = exact.projections(layer);
  const { queryHeads, kvHeads, headDim: d } = plain;
  return (query, kvHead, head) => {
    const own = Math.floor(query / BLOCK);
    const affinity = (block: number): number => {
      let sum = 0;
      for (let key = block * BLOCK; key < (block + 1) * BLOCK; key++)
        for (let c = 0; c < d; c++)
          sum += q[(query * queryHeads + head) * d + c]! * k[(key * kvHeads + kvHead) * d + c]!;
      return sum / BLOCK;
    };
    const rivals = Array.from({ length: own }, (_, block) => ({ block, affinity: affinity(block) }));
    const best = rivals.sort((a, b) => b.affinity - a.affinity || a.block - b.block).slice(0, topk - 1);
    return [...best.map(({ block }) => block), own];
  };
}

describe(`MoBA (SEED=${SEED})`, () => {
  const reference = new ReferenceEngine();

  for (const topk of [1, 2, 3]) {
    it(`is its definition under a mask, top-${topk}${topk === 1 ? ": the own block alone" : ""}`, async () => {
      const { outputs } = await traced(reference, laid({ topk }), "moba");
      const exact = new BruteForce(await floatModel(model), tokens, outputs, false);
      outputs.forEach((rows, layer) => {
        const within = choices(exact, layer, topk);
        if (topk === 1) assert.deepEqual(within(70, 0, 0), [8]);
        const expected = exact.output(layer, { kind: "full", within });
        rows.forEach((row, t) =>
          assertClose(row, expected.subarray(t * plain.hidden, (t + 1) * plain.hidden), 1e-5, `layer ${layer}, ${t}`),
        );
      });
    });
  }

  for (const [name, engine, tolerance] of [
    ["reference", reference, 1e-6],
    ["cpu", new CpuEngine(), 1e-4],
  ] as const) {
    it(`${name}: with all blocks it is full attention, around a block's edge and in decode`, async () => {
      for (const count of [BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 75]) {
        const all = await traced(engine, laid({ topk: Math.ceil(count / BLOCK) }), "moba", count, 2);
        const full = await traced(engine, model, "full", count, 2);
        assertClose(all.logits, full.logits, tolerance, `${count} tokens`);
      }
    });

    it(`${name}: decoded tokens read everything where that is asked for, the prompt's do not`, async () => {
      const [prompt, topk] = [70, 2];
      const { outputs } = await traced(engine, laid({ topk, decode: "dense" }), "moba", 75, 75 - prompt);
      const exact = new BruteForce(await floatModel(model), tokens, outputs, false);
      const [layer, rows] = [0, outputs[0]!];
      const chosen = choices(exact, layer, topk);
      const everything = Array.from({ length: 10 }, (_, block) => block);
      const expected = exact.output(layer, {
        kind: "full",
        within: (query, kvHead, head) => (query < prompt ? chosen(query, kvHead, head) : everything),
      });
      for (const t of [prompt - 1, prompt, 74])
        assertClose(rows[t]!, expected.subarray(t * plain.hidden, (t + 1) * plain.hidden), tolerance, `position ${t}`);
    });
  }

  it("leaves the last layers to full attention, and reads the means of no others", () => {
    const { architecture } = laid({ fullTail: 2 });
    assert.deepEqual(
      planOf(architecture, "moba").map(({ mixer, keeps }) => [mixer, keeps]),
      [
        ["moba", { kind: "all", means: BLOCK }],
        ["full", { kind: "all" }],
        ["full", { kind: "all" }],
      ],
    );
  });

  it("keeps keys, values and a mean of every block begun", () => {
    const a = withParameters(plain, "moba", { block: 64, fullTail: 1 });
    for (const count of [1, 63, 64, 65, 4096, 32_768]) {
      const row = a.kvHeads * a.headDim * 2;
      const chosen = 2 * row * count + row * Math.ceil(count / 64);
      assert.deepEqual(predictedKvBytes(a, "moba", count, 2), [chosen, chosen, 2 * row * count]);
    }
  });
});
