import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { CHECKPOINT_DESIGNS, designById, type DesignId } from "../designs/designs.ts";
import type { Architecture } from "./architecture.ts";
import { loadTokenizer } from "./bpe.ts";
import { CHECKPOINT_FILES as FILES } from "./checkpoint-files.ts";
import { parseCheckpointConfig, type CheckpointConfig } from "./checkpoint-config.ts";
import { UserError } from "./errors.ts";
import { asUserError, readText } from "./files.ts";
import { assembleLayer } from "./layer-weights.ts";
import type { Model, ModelWeights } from "./model.ts";
import type { TensorEntry } from "./safetensors.ts";
import { readSafetensors } from "./safetensors-file.ts";
import { RANDOM_WEIGHTS_NOTE } from "./synthetic.ts";
import { count } from "../report/format.ts";
import { layerPrefix, parameterCount, tensorKinds, tensorShapes } from "./tensors.ts";
import type { Tokenizer } from "./tokenizer.ts";

const CONTENT = Object.values(FILES).join(", ");

/** Bytes of config.json and tokenizer.json; the largest tokenizers have some 30 MB. */
const LARGEST_TEXT = 2 ** 28;

/**
 * Embedding rows beyond the tokenizer's last token that still count as padding: models round their vocabulary up to
 * please matrix units (gpt-oss by 1069). More is a tokenizer of another model.
 */
const MAX_PADDING_ROWS = 2048;

/**
 * Loads a checkpoint folder: config.json, model.safetensors and tokenizer.json. What can be refused by the small files
 * and the header is refused before any weight is read.
 *
 * @throws UserError when a file is missing, damaged or does not fit the others
 */
export async function loadCheckpoint(folder: string): Promise<Model> {
  await checkFolder(folder);
  const config = parseCheckpointConfig(await readText(join(folder, FILES.config)), join(folder, FILES.config));
  const { architecture, design } = config;
  const tokenizer = await loadTokenizerFile(folder);
  const notes = [...(config.notes ?? []), ...checkVocabulary(tokenizer.vocabulary, architecture)];

  const { tensors, sha256 } = await readSafetensors(join(folder, FILES.weights), (entries) => {
    checkTensors(entries, config);
  });
  for (const [name, values] of tensors) checkFinite(name, values);

  notes.push(...(designById(design).checkpoint?.notes ?? []));
  if (config.weights === "synthetic") notes.push(RANDOM_WEIGHTS_NOTE);
  return {
    name: config.name,
    origin: config.weights,
    design,
    architecture,
    weights: checkpointWeights(config, tensors),
    tokenizer,
    parameters: parameterCount(architecture, design),
    sha256,
    notes,
  };
}

/** The tokenizer of a checkpoint folder, alone. */
export async function loadTokenizerFile(folder: string): Promise<Tokenizer> {
  const path = join(folder, FILES.tokenizer);
  return loadTokenizer(await readText(path), path);
}

async function checkFolder(folder: string): Promise<void> {
  const path = resolve(folder);
  const found = await stat(path).catch((error: unknown) => {
    throw asUserError(error, path);
  });
  if (!found.isDirectory()) {
    throw new UserError(`${path} is not a folder; give the folder that holds ${CONTENT}.`);
  }
  for (const name of Object.values(FILES)) {
    const file = await stat(join(path, name)).catch((error: unknown) => {
      const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
      if (!missing) throw asUserError(error, join(path, name));
    });
    if (!file?.isFile()) throw new UserError(`${path} holds no ${name}; a checkpoint is a folder of ${CONTENT}.`);
    if (name !== FILES.weights && file.size > LARGEST_TEXT) {
      throw new UserError(
        `${join(path, name)} has ${count(file.size)} bytes; at most ${count(LARGEST_TEXT)} are supported.`,
      );
    }
  }
}

function checkVocabulary(tokens: number, { vocabulary }: Architecture): string[] {
  if (tokens > vocabulary || vocabulary - tokens > MAX_PADDING_ROWS) {
    throw new UserError(
      `${FILES.tokenizer} has ${tokens} tokens but the model's vocabulary is ${vocabulary}: ` +
        `it belongs to another model. Put the tokenizer that the model was trained with in the folder.`,
    );
  }
  return tokens === vocabulary
    ? []
    : [`The embedding's rows ${tokens} to ${vocabulary - 1} are padding without tokens.`];
}

function checkTensors(entries: readonly TensorEntry[], { architecture, design }: CheckpointConfig): void {
  const expected = tensorShapes(architecture, design);
  const found = new Map(entries.map(({ name, shape }) => [name, shape]));
  const findings: string[] = [];
  const list = (what: string, names: string[]): void => {
    if (names.length === 0) return;
    const shown = names.slice(0, 3).join(", ");
    findings.push(`${what} ${shown}${names.length > 3 ? ` and ${names.length - 3} more` : ""}`);
  };
  list(
    "lacks",
    [...expected.keys()].filter((name) => !found.has(name)),
  );
  list(
    "holds the unknown",
    [...found.keys()].filter((name) => !expected.has(name)),
  );
  list(
    "has the wrong shape for",
    [...expected].flatMap(([name, shape]) => {
      const actual = found.get(name);
      const same = actual === undefined || (actual.length === shape.length && actual.every((n, i) => n === shape[i]));
      return same ? [] : [`${name} (${shapeText(actual)} where config.json implies ${shapeText(shape)})`];
    }),
  );
  if (findings.length > 0) {
    throw new UserError(
      `${FILES.weights} does not fit ${FILES.config}: it ${findings.join("; it ")}. ` +
        `${otherDesign(found, architecture, design) ?? `Correct the architecture in ${FILES.config}`} or export the ` +
        "weights again.",
    );
  }
}

/** The way out where the tensors are, by name, those of another design. */
function otherDesign(found: ReadonlyMap<string, unknown>, a: Architecture, design: DesignId): string | undefined {
  const other = CHECKPOINT_DESIGNS.find((id) => {
    const names = [...tensorShapes(a, id).keys()];
    return id !== design && names.length === found.size && names.every((name) => found.has(name));
  });
  if (other === undefined) return undefined;
  return `These are the tensors of ${designById(other).checkpoint?.called ?? other}: write "design": "${other}"`;
}

function shapeText(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}

function checkFinite(name: string, values: Float32Array): void {
  for (let i = 0; i < values.length; i++) {
    // A value times zero is zero unless it is infinite or not a number; cheaper here than Number.isFinite.
    if ((values[i] as number) * 0 !== 0) {
      throw new UserError(
        `${FILES.weights}: value ${i} of ${name} is ${values[i] as number}. ` +
          `The training diverged or the file is damaged: use another checkpoint.`,
      );
    }
  }
}

function checkpointWeights(
  { architecture: a, design }: CheckpointConfig,
  tensors: ReadonlyMap<string, Float32Array>,
): ModelWeights {
  const tensor = (name: string): Float32Array => {
    const values = tensors.get(name);
    if (!values) throw new Error(`${name} was checked to be there`);
    return values;
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
