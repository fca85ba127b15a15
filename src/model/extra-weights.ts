import type { ExtraTensors } from "../designs/extra-weights.ts";
import { MIXERS } from "../designs/mixers.ts";
import type { LayerPlan } from "../designs/plan.ts";
import type { Architecture } from "./architecture.ts";
import type { LayerWeights, Model, ModelWeights } from "./model.ts";
import { seededNormals } from "./random.ts";
import { computedTensor, valueCount, type LazyTensor } from "./tensor.ts";

/** Made-up weights are the same in every run. */
const SEED = 1;

/** By the weights that they stand beside, so that all runners of a plan get the same tensors, which engines then hold once. */
const KNOWN = new WeakMap<ModelWeights, Map<string, ModelWeights>>();

/** What the mixer of a layer needs beside a dense layer's tensors. */
export function extraTensors(architecture: Architecture, layer: LayerPlan): ExtraTensors {
  return MIXERS[layer.mixer].weights?.(architecture, layer) ?? {};
}

/**
 * The model with every tensor that a plan needs: those that its weights lack are normal, with deviation 1 / sqrt(inputs), from a
 * fixed seed, so that latency and memory are real and the rest means nothing. The model itself where the plan needs none.
 */
export function withExtraWeights(model: Model, plan: readonly LayerPlan[]): Model {
  const needed = plan.map((layer) => extraTensors(model.architecture, layer));
  if (needed.every((tensors) => Object.keys(tensors).length === 0)) return model;
  const key = JSON.stringify(needed);
  const known = KNOWN.get(model.weights) ?? new Map<string, ModelWeights>();
  KNOWN.set(model.weights, known);
  const weights = known.get(key) ?? completed(model.weights, needed);
  known.set(key, weights);
  return { ...model, weights };
}

/** Bytes of what `withExtraWeights` adds, where each value takes so many; layers that share their weights share these. */
export function extraBytes(model: Model, plan: readonly LayerPlan[], bytesPerValue: number): number {
  const whole = withExtraWeights(model, plan);
  const layers = new Set(plan.map((_, index) => whole.weights.layer(index)));
  const tensors = [...layers].flatMap(({ extra }) => Object.values(extra ?? {}));
  return bytesPerValue * tensors.reduce((sum, { shape }) => sum + valueCount(shape), 0);
}

function completed(weights: ModelWeights, needed: readonly ExtraTensors[]): ModelWeights {
  const layers = new Map<LayerWeights, LayerWeights>();
  return {
    ...{ embedding: weights.embedding, finalNorm: weights.finalNorm, head: weights.head },
    layer(index) {
      const base = weights.layer(index);
      const tensors = Object.entries(needed[index] ?? {});
      if (tensors.length === 0) return base;
      const made = tensors.map(([name, { shape }]) => [name, base.extra?.[name] ?? random(`${index}.${name}`, shape)]);
      const layer = layers.get(base) ?? { ...base, extra: Object.fromEntries(made) as Record<string, LazyTensor> };
      layers.set(base, layer);
      return layer;
    },
  };
}

function random(name: string, shape: readonly number[]): LazyTensor {
  return computedTensor(shape, seededNormals(SEED, name, 1 / Math.sqrt(shape.at(-1) ?? 1)));
}

/** @throws Error for a tensor that the layer's plan does not name */
export function extraOf<T>(extra: Readonly<Record<string, T>> | undefined, name: string): T {
  const found = extra?.[name];
  if (found === undefined) throw new Error(`a layer lacks "${name}", which its mixer needs`);
  return found;
}
