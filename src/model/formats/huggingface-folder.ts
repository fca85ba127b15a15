import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { z } from "zod";
import { UserError } from "../errors.ts";
import { explainIssues } from "../explain.ts";
import { readText } from "../files.ts";
import { SafetensorsFile } from "../safetensors-file.ts";
import type { LazyTensor } from "../tensor.ts";
import { loadTokenizerFile } from "../tokenizer-file.ts";
import { finite } from "./finite.ts";
import { checkTensors, checkVocabulary } from "./fits.ts";
import { checkFolder } from "./folder.ts";
import type { OpenedCheckpoint } from "./format.ts";
import { readHuggingFaceConfig } from "./huggingface-config.ts";
import { CONFIG, TOKENIZER, WEIGHTS } from "./hysparse-files.ts";
import { LAID_OVER_NOTE } from "./laid-over.ts";

const INDEX = "model.safetensors.index.json";

/** Files that weights are spread over at most; the largest open models have some 200. */
const MOST_SHARDS = 1024;

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });

/**
 * What can be refused by the small files and the headers is refused before any weight is read; values that are not finite
 * when an engine reads them.
 * @throws UserError when a file is missing, damaged or does not fit the others, or the model is of another kind
 */
export async function openHuggingFace(folder: string): Promise<OpenedCheckpoint> {
  await checkFolder(folder, [{ name: CONFIG, text: true }]);
  const config = readHuggingFaceConfig(await readText(join(folder, CONFIG)), join(folder, CONFIG));
  const { architecture } = config;
  if (!existsSync(join(folder, TOKENIZER)) && existsSync(join(folder, "tokenizer.model"))) {
    throw new UserError(
      `${folder} holds a SentencePiece tokenizer.model and no tokenizer.json: only byte-level BPE tokenizers (as of GPT-2) can be used.`,
    );
  }
  await checkFolder(folder, [{ name: TOKENIZER, text: true }]);
  const { source, tensors } = await weightsOf(folder);
  for (const name of [...tensors.keys()]) {
    if (isUnused(name, architecture.tieEmbeddings)) tensors.delete(name);
  }
  checkTensors(tensors, { architecture, design: "full", weights: source, config: CONFIG });
  const tokenizer = await loadTokenizerFile(folder);
  const notes = [...config.notes, LAID_OVER_NOTE, ...checkVocabulary(tokenizer.vocabulary, architecture, TOKENIZER)];
  return { name: nameOf(folder), origin: "trained", design: "full", architecture, tensors, tokenizer, notes };
}

/** What some files hold beside the weights: tables that follow from config.json, and the head of a tied model once more. */
function isUnused(name: string, tied: boolean): boolean {
  return name.endsWith(".rotary_emb.inv_freq") || (tied && name === "lm_head.weight");
}

/** The name that the hub knows a snapshot by, else the folder's. */
function nameOf(folder: string): string {
  const path = resolve(folder);
  const [, org, name] = /^models--(.+?)--(.+)$/.exec(basename(dirname(dirname(path)))) ?? [];
  return org === undefined || name === undefined ? basename(path) : `${org}/${name}`;
}

interface Weights {
  /** How messages call the files. */
  readonly source: string;
  readonly tensors: Map<string, LazyTensor>;
}

async function weightsOf(folder: string): Promise<Weights> {
  if (existsSync(join(folder, INDEX)) && !existsSync(join(folder, WEIGHTS))) return sharded(folder);
  if (!existsSync(join(folder, WEIGHTS))) {
    throw new UserError(
      `${folder} holds neither ${WEIGHTS} nor ${INDEX}. Weights are read from safetensors only: download them, or save the ` +
        "model again with save_pretrained.",
    );
  }
  return { source: WEIGHTS, tensors: await tensorsOf(folder, WEIGHTS) };
}

async function sharded(folder: string): Promise<Weights> {
  const where = await readIndex(folder);
  const shards = new Set(where.values());
  if (shards.size > MOST_SHARDS) {
    throw new UserError(`${INDEX} names ${shards.size} files; at most ${MOST_SHARDS} are supported.`);
  }
  const held = new Map<string, Map<string, LazyTensor>>();
  for (const shard of shards) {
    if (shard !== basename(shard) || !shard.endsWith(".safetensors")) {
      throw new UserError(
        `${INDEX} names ${JSON.stringify(shard.slice(0, 80))}, which is no safetensors file of the folder ${folder}. ` +
          "Download the index again.",
      );
    }
    if (!existsSync(join(folder, shard))) {
      throw new UserError(`${folder} lacks ${shard}, which ${INDEX} names. Download the file.`);
    }
    held.set(shard, await tensorsOf(folder, shard));
  }
  const tensors = new Map<string, LazyTensor>();
  for (const [name, shard] of where) {
    const tensor = held.get(shard)?.get(name);
    if (tensor === undefined) {
      throw new UserError(
        `${shard} lacks ${JSON.stringify(name.slice(0, 80))}, which ${INDEX} says is in it. Download both again.`,
      );
    }
    tensors.set(name, tensor);
  }
  return { source: INDEX, tensors };
}

async function readIndex(folder: string): Promise<Map<string, string>> {
  await checkFolder(folder, [{ name: INDEX, text: true }]);
  let raw: unknown;
  try {
    raw = JSON.parse(await readText(join(folder, INDEX)));
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${INDEX} is not JSON: ${(error as Error).message}. Download it again.`);
  }
  const parsed = indexSchema.safeParse(raw);
  if (!parsed.success) throw new UserError(`${INDEX}: ${explainIssues(parsed.error)}. Download it again.`);
  return new Map(Object.entries(parsed.data.weight_map));
}

async function tensorsOf(folder: string, file: string): Promise<Map<string, LazyTensor>> {
  await checkFolder(folder, [{ name: file, text: false }]);
  const tensors = (await SafetensorsFile.open(join(folder, file))).tensors();
  return new Map([...tensors].map(([name, tensor]) => [name, finite(tensor, name, file)]));
}
