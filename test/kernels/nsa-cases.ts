import assert from "node:assert/strict";
import { planOf } from "../../src/designs/designs.ts";
import { withParameters } from "../../src/designs/laid.ts";
import type { Engine, Variant } from "../../src/engine/engine.ts";
import { floatModel } from "../../src/engine/float-model.ts";
import type { Architecture } from "../../src/model/architecture.ts";
import { withExtraWeights } from "../../src/model/extra-weights.ts";
import type { Model } from "../../src/model/model.ts";
import { arrayTensor } from "../fixtures/model/tensors.ts";
import { BruteForce } from "./brute-force.ts";
import { assertClose } from "./compare.ts";
import { SEED } from "./conformance.ts";
import { NsaExact, type NsaShape } from "./nsa-exact.ts";
import { randomTokens, tinyArchitecture, tinyModel } from "./tiny-model.ts";
import { traceRun, type Trace } from "./trace.ts";

export interface Case extends NsaShape {
  readonly of?: Partial<Architecture>;
}

export const SHAPES: Readonly<Record<string, Case>> = {
  "G = 2": { compress: 4, stride: 2, block: 8, blocks: 4, window: 5 },
  "G = 1, compressed blocks that touch, as long as those that are read": {
    ...{ compress: 4, stride: 4, block: 4, blocks: 5, window: 1 },
    of: { queryHeads: 2, headDim: 8 },
  },
  "G = 4, compressed blocks longer than those that are read": {
    ...{ compress: 12, stride: 4, block: 8, blocks: 3, window: 100 },
    of: { kvHeads: 1, headDim: 32 },
  },
};

/** A prompt, and how many more tokens are decoded. */
export interface Length {
  readonly prompt: number;
  readonly decoded: number;
  readonly chunk: number;
}

export function nsaModel({ of = {}, ...parameters }: Case, halves = false): Model {
  const architecture = tinyArchitecture({ layers: 2, ...of });
  return {
    ...tinyModel(architecture, SEED, { halves }),
    architecture: withParameters(architecture, "nsa", parameters),
  };
}

/** A model of one layer whose inputs begin with a large value, so that weights of it alone open or shut a gate; as it is without one. */
export function gatedModel(shape: NsaShape, open?: "compress" | "select" | "window"): Model {
  const model = nsaModel({ ...shape, of: { layers: 1, sparsePerFull: 0 } });
  const { hidden, queryHeads, vocabulary } = model.architecture;
  const layer = model.weights.layer(0);
  const first = (rows: number, value: number): Float32Array =>
    Float32Array.from({ length: rows * hidden }, (_, i) => (i % hidden === 0 ? value : Math.sin(i)));
  const gate = (name: string): Float32Array =>
    first(queryHeads, name === open ? 1000 : -1000).map((value, i) => (i % hidden === 0 ? value : 0));
  const extra = Object.fromEntries(
    ["compress", "select", "window"].map((name) => [`${name}Gate`, arrayTensor(gate(name))]),
  );
  const known = { ...layer, inputNorm: arrayTensor(new Float32Array(hidden).fill(1)), ...(open ? { extra } : {}) };
  const embedding = arrayTensor(first(vocabulary, 4));
  return { ...model, weights: { ...model.weights, embedding, head: embedding, layer: () => known } };
}

export async function traced(
  engine: Engine,
  model: Model,
  variant: Variant,
  { prompt, decoded, chunk }: Length,
): Promise<Trace> {
  const runner = await engine.load(model, variant, { chunk });
  const tokens = randomTokens(model.architecture, prompt + decoded, SEED);
  const trace = await traceRun(runner, model.architecture, tokens, { decoded });
  await runner.dispose();
  return trace;
}

/** Holds every layer's output against the definition, from the inputs that the engine itself had. */
export async function assertNsa(
  engine: Engine,
  shape: Case,
  length: Length,
  limits: { readonly tolerance: number; readonly gap: number; readonly halves?: boolean },
): Promise<void> {
  const { halves = false } = limits;
  const model = nsaModel(shape, halves);
  const plain = model.architecture;
  const { outputs } = await traced(engine, model, "nsa", length);
  const whole = await floatModel(withExtraWeights(model, planOf(plain, "nsa")));
  const tokens = randomTokens(plain, length.prompt + length.decoded, SEED);
  const exact = new BruteForce(whole, tokens, outputs, halves);
  outputs.forEach((rows, layer) => {
    const { out, tied } = new NsaExact(whole, shape, halves).heads(layer, exact.inputs(layer), limits.gap);
    assert.ok(tied.size <= Math.max(1, 0.1 * rows.length), `${tied.size} of ${rows.length} queries tie`);
    const expected = exact.after(layer, out);
    rows.forEach((row, t) => {
      if (tied.has(t)) return;
      const of = expected.subarray(t * plain.hidden, (t + 1) * plain.hidden);
      assertClose(row, of, limits.tolerance, `layer ${layer}, position ${t}`);
    });
  });
}
