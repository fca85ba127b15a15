import { roundToHalf } from "../../kernels/half.ts";
import { Random } from "../../kernels/random.ts";
import { architectureSchema, schedule, type Architecture } from "../../src/model/architecture.ts";
import type { LayerWeights, Model, ModelWeights, SparseWeights } from "../../src/model/model.ts";
import { valueCount, type LazyTensor } from "../../src/model/tensor.ts";
import type { Tokenizer } from "../../src/model/tokenizer.ts";
import { arrayTensor } from "../fixtures/model/tensors.ts";

export interface TinyModelOptions {
  /** All full layers share one weights object and all sparse layers another, as synthetic presets do. */
  readonly shared?: boolean;
  /** Query projections of zeros: every logit is 0, so that all visible blocks score exactly alike. */
  readonly tiedScores?: boolean;
  /** Factor on the queries, and so on all logits; 1 when absent. */
  readonly loudness?: number;
  /** Matrices of values that 16 bits hold exactly, for engines that keep them so. */
  readonly halves?: boolean;
}

/** An architecture small enough for plain loops; `changes` say what a test is about. */
export function tinyArchitecture(changes: Partial<Architecture> = {}): Architecture {
  return architectureSchema.parse({
    layers: 4,
    hidden: 32,
    intermediate: 48,
    queryHeads: 4,
    kvHeads: 2,
    headDim: 16,
    vocabulary: 61,
    sparsePerFull: 2,
    block: 8,
    selectedTokens: 16,
    window: 12,
    gate: "head",
    sinks: true,
    ropeBase: 10_000,
    normEps: 1e-6,
    maxContext: 4096,
    tieEmbeddings: true,
    ...changes,
  });
}

/** A model with random weights, different in every layer, that satisfies `Model` and nothing more. */
export function tinyModel(architecture: Architecture, seed: number, options: TinyModelOptions = {}): Model {
  const weights = randomWeights(architecture, new Random(seed), options);
  return {
    name: "tiny random model",
    origin: "synthetic",
    design: "hysparse",
    architecture,
    weights,
    tokenizer: new CodeUnitTokenizer(architecture.vocabulary),
    parameters: countParameters(architecture, weights),
    notes: ["Random weights: a test's model."],
  };
}

/** `count` random tokens of the model's vocabulary, its first and last among them where there is room. */
export function randomTokens(architecture: Architecture, count: number, seed: number): Uint32Array {
  const random = new Random(seed);
  const tokens = Uint32Array.from({ length: count }, () => random.integer(architecture.vocabulary));
  if (count > 2) tokens.set([0, architecture.vocabulary - 1], 1);
  return tokens;
}

function randomWeights(
  a: Architecture,
  random: Random,
  { shared, tiedScores, loudness = 1, halves }: TinyModelOptions,
): ModelWeights {
  const qWidth = a.queryHeads * a.headDim;
  const kvWidth = a.kvHeads * a.headDim;
  const kept = (values: Float32Array): LazyTensor => arrayTensor(halves === true ? roundToHalf(values) : values);
  const matrix = (out: number, inputs: number, gain = 1): LazyTensor =>
    kept(random.normals(out * inputs, gain / Math.sqrt(inputs)));
  const norm = (): LazyTensor => arrayTensor(random.normals(a.hidden, 0.2, 1));
  const sinks = (): LazyTensor =>
    arrayTensor(a.sinks ? random.normals(a.queryHeads) : new Float32Array(a.queryHeads).fill(-Infinity));
  const gates = a.gate === "head" ? a.queryHeads : qWidth;
  const sparse = (): SparseWeights => ({
    sparseGate: matrix(gates, a.hidden),
    windowGate: matrix(gates, a.hidden),
    sparseSinks: sinks(),
    windowSinks: sinks(),
  });
  // Queries and keys a little louder than their inputs: logits of deviation 2, so that blocks differ in their scores.
  const layer = (kind: "full" | "sparse"): LayerWeights => ({
    inputNorm: norm(),
    q: matrix(qWidth, a.hidden, tiedScores === true ? 0 : 1.4 * loudness),
    k: matrix(kvWidth, a.hidden, 1.4),
    v: matrix(kvWidth, a.hidden),
    o: matrix(a.hidden, qWidth),
    postNorm: norm(),
    gate: matrix(a.intermediate, a.hidden),
    up: matrix(a.intermediate, a.hidden),
    down: matrix(a.hidden, a.intermediate),
    ...(kind === "sparse" ? { sparse: sparse() } : {}),
  });

  const kinds = schedule(a);
  const one = { full: layer("full"), sparse: layer("sparse") };
  const layers = kinds.map((kind) => (shared === true ? one[kind] : layer(kind)));
  const embedding = kept(random.normals(a.vocabulary * a.hidden));
  return {
    embedding,
    finalNorm: norm(),
    head: a.tieEmbeddings ? embedding : kept(random.normals(a.vocabulary * a.hidden, 1 / Math.sqrt(a.hidden))),
    layer: (index) => layers[index]!,
  };
}

function countParameters(a: Architecture, weights: ModelWeights): number {
  const lengths = (tensors: object): number =>
    Object.values(tensors).reduce<number>(
      (sum, part: object) => sum + ("shape" in part ? valueCount((part as LazyTensor).shape) : lengths(part)),
      0,
    );
  const layers = schedule(a).reduce((sum, _, index) => sum + lengths(weights.layer(index)), 0);
  const head = a.tieEmbeddings ? 0 : valueCount(weights.head.shape);
  return valueCount(weights.embedding.shape) + valueCount(weights.finalNorm.shape) + head + layers;
}

/** One token per UTF-16 code unit, folded into the vocabulary: engines never call it, the interface wants one. */
class CodeUnitTokenizer implements Tokenizer {
  readonly vocabulary: number;

  constructor(vocabulary: number) {
    this.vocabulary = vocabulary;
  }

  encode(text: string): { ids: Uint32Array; starts: Uint32Array; ends: Uint32Array } {
    const ids = Uint32Array.from({ length: text.length }, (_, i) => text.charCodeAt(i) % this.vocabulary);
    return { ids, starts: ids.map((_, i) => i), ends: ids.map((_, i) => i + 1) };
  }

  *encodeInSteps(text: string): Generator<undefined, ReturnType<CodeUnitTokenizer["encode"]>> {
    yield;
    return this.encode(text);
  }

  decode(ids: Iterable<number>): string {
    return String.fromCharCode(...ids);
  }

  byteLength(): number {
    return 1;
  }
}
