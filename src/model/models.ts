import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { loadCheckpoint } from "./checkpoint.ts";
import { UserError } from "./errors.ts";
import { FORMATS } from "./formats/formats.ts";
import { cachedModel, hubCache, isHubName } from "./hub-cache.ts";
import type { Model } from "./model.ts";
import { packageFile } from "./package-root.ts";
import { isPresetId, PRESETS } from "./presets.ts";
import { syntheticModel } from "./synthetic.ts";
import { loadTokenizerFile } from "./tokenizer-file.ts";

export const EMBEDDED_ID = "embedded";

/** The names that `loadModel` knows; anything else is taken as the path of a checkpoint. */
export const MODEL_IDS: readonly string[] = [EMBEDDED_ID, ...Object.keys(PRESETS)];

/** The names with a line each, for people who choose. */
export function listModels(): { readonly id: string; readonly description: string }[] {
  const presets = Object.entries(PRESETS).map(([id, { architecture: a }]) => ({
    id,
    description:
      `random weights, for latency and memory only: ${a.layers} layers, ` +
      `${a.queryHeads} query and ${a.kvHeads} KV heads of ${a.headDim}, width ${a.hidden}`,
  }));
  return [{ id: EMBEDDED_ID, description: "the trained 25M model included with the profiler" }, ...presets];
}

/** Synthetic weights of a preset are the same in every run. */
const PRESET_SEED = 1;

/** The package's media folder. */
export const MEDIA_ROOT = packageFile("media");

/**
 * Opens a model by name (see MODEL_IDS, or a model's on the hub) or from a checkpoint on the disk. Its weights are read when an engine loads them.
 *
 * @param mediaRoot the folder that holds model/, the embedded checkpoint
 * @throws UserError for an unknown name, and whatever is wrong with a checkpoint
 */
export async function loadModel(id: string, mediaRoot: string = MEDIA_ROOT): Promise<Model> {
  const embedded = join(mediaRoot, "model");
  if (id === EMBEDDED_ID) return loadCheckpoint(embedded);
  if (isPresetId(id)) {
    const { architecture, notes } = PRESETS[id];
    return syntheticModel(id, architecture, await loadTokenizerFile(embedded), {
      seed: PRESET_SEED,
      perLayer: false,
      notes: [...notes, "Tokenized with the embedded model's tokenizer, so token counts are that model's."],
    });
  }
  const place = locateModel(id);
  if (existsSync(place)) return loadCheckpoint(place);
  const read = FORMATS.map(({ title }) => title).join(", or ");
  const looked = isHubName(id) ? ` (not in the Hugging Face cache ${hubCache()}; nothing is downloaded)` : "";
  throw new UserError(
    `Unknown model "${id}"${looked}. Available: ${MODEL_IDS.join(", ")}, the org/name of a model in the Hugging Face cache, ` +
      `or the path of ${read}.`,
  );
}

/**
 * What \`loadModel\` opens for what a user wrote: a known name stays one, and wins over a path of that name; a path is meant from
 * \`folder\`, and wins over a model of the hub, which is looked up in Hugging Face's cache on this machine.
 */
export function locateModel(id: string, folder: string = process.cwd()): string {
  if (MODEL_IDS.includes(id)) return id;
  const path = resolve(folder, id);
  if (id !== "" && existsSync(path)) return path;
  return cachedModel(id) ?? id;
}
