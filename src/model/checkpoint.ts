import { designById } from "../designs/designs.ts";
import type { OpenedCheckpoint } from "./formats/format.ts";
import { FORMATS } from "./formats/formats.ts";
import { assembleLayer } from "./layer-weights.ts";
import type { Model, ModelWeights } from "./model.ts";
import { RANDOM_WEIGHTS_NOTE } from "./synthetic.ts";
import type { LazyTensor } from "./tensor.ts";
import { layerPrefix, parameterCount, tensorKinds } from "./tensors.ts";

/**
 * Opens a checkpoint, a folder or a file, in whichever of the formats it is. Its weights are read when an engine loads them.
 *
 * @throws UserError when a file is missing, damaged or does not fit the others
 */
export async function loadCheckpoint(path: string): Promise<Model> {
  let [format] = FORMATS;
  for (const candidate of FORMATS) {
    if (!(await candidate.matches(path))) continue;
    format = candidate;
    break;
  }
  return modelOf(await format.open(path));
}

function modelOf(opened: OpenedCheckpoint): Model {
  const { name, origin, design, architecture, tokenizer, sha256 } = opened;
  return {
    name,
    origin,
    design,
    architecture,
    weights: weightsOf(opened),
    tokenizer,
    parameters: parameterCount(architecture, design),
    ...(sha256 === undefined ? {} : { sha256 }),
    notes: [
      ...opened.notes,
      ...(designById(design).checkpoint?.notes ?? []),
      ...(origin === "synthetic" ? [RANDOM_WEIGHTS_NOTE] : []),
    ],
  };
}

function weightsOf({ architecture: a, design, tensors }: OpenedCheckpoint): ModelWeights {
  const tensor = (name: string): LazyTensor => {
    const found = tensors.get(name);
    if (!found) throw new Error(`${name} was checked to be there`);
    return found;
  };
  const layers = tensorKinds(a, design).map((kind, layer) =>
    assembleLayer(a, kind, (name) => tensor(`${layerPrefix(layer)}.${name}`)),
  );
  const embedding = tensor("model.embed_tokens.weight");
  return {
    embedding,
    finalNorm: tensor("model.norm.weight"),
    head: a.tieEmbeddings ? embedding : tensor("lm_head.weight"),
    layer(index) {
      const layer = layers[index];
      if (!layer) throw new RangeError(`there is no layer ${index}`);
      return layer;
    },
  };
}
