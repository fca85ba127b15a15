import type { LayerWeights, Model } from "../model/model.ts";
import { valueCount, type LazyTensor } from "../model/tensor.ts";
import { checkWeightsFit, containerText } from "../model/weights-fit.ts";
import { readLimits } from "./control-groups.ts";
import { availableMemory } from "./machine.ts";

/** What engines compute with that keep weights as float32 in this process. */
export type FloatModel = Model<Float32Array>;

/** By the tensors that they were read from: all runners of all such engines share them, for as long as the model is held. */
const HELD = new WeakMap<LazyTensor, Promise<Float32Array>>();

/**
 * The model with its weights as float32, each tensor read once, straight into the array that holds it.
 * @param available bytes of memory that may be taken
 * @throws UserError where they do not fit, before anything is read
 */
export async function floatModel(model: Model, available: number = availableMemory()): Promise<FloatModel> {
  checkWeightsFit(
    model,
    floatBytes(model),
    "float32",
    available,
    `of memory are free${containerText(readLimits().memoryBytes)}`,
  );
  const { embedding, finalNorm, head } = model.weights;
  const weights = await holdAll({ embedding, finalNorm, head });
  const layers: LayerWeights<Float32Array>[] = [];
  for (let index = 0; index < model.architecture.layers; index++)
    layers.push(await holdLayer(model.weights.layer(index)));
  return {
    ...model,
    weights: {
      ...weights,
      layer(index) {
        const layer = layers[index];
        if (layer === undefined) throw new RangeError(`there is no layer ${index}`);
        return layer;
      },
    },
  };
}

/** Bytes that `floatModel` will take: those of tensors that are not held yet. */
export function floatBytes({ weights, architecture }: Model): number {
  const tensors = new Set([weights.embedding, weights.finalNorm, weights.head]);
  for (let index = 0; index < architecture.layers; index++) {
    const { sparse, extra, ...dense } = weights.layer(index);
    for (const tensor of Object.values<LazyTensor>({ ...dense, ...sparse, ...extra })) tensors.add(tensor);
  }
  let values = 0;
  for (const tensor of tensors) values += HELD.has(tensor) ? 0 : valueCount(tensor.shape);
  return Float32Array.BYTES_PER_ELEMENT * values;
}

function hold(tensor: LazyTensor): Promise<Float32Array> {
  const known = HELD.get(tensor);
  if (known !== undefined) return known;
  const values = new Float32Array(valueCount(tensor.shape));
  const reading = tensor.read(values).then(() => values);
  HELD.set(tensor, reading);
  reading.catch(() => HELD.delete(tensor));
  return reading;
}

async function holdLayer({ sparse, extra, ...dense }: LayerWeights): Promise<LayerWeights<Float32Array>> {
  return {
    ...(await holdAll(dense)),
    ...(sparse === undefined ? {} : { sparse: await holdAll({ ...sparse }) }),
    ...(extra === undefined ? {} : { extra: await holdAll(extra) }),
  };
}

/** One after the other: reading needs a buffer each. What a model lacks is absent from the result too. */
async function holdAll<S extends object>(tensors: S): Promise<{ [K in keyof S]: Float32Array }> {
  const held: Partial<Record<string, Float32Array>> = {};
  for (const [name, tensor] of Object.entries(tensors) as [string, LazyTensor][]) held[name] = await hold(tensor);
  return held as { [K in keyof S]: Float32Array };
}
