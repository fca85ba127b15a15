import { createHash } from "node:crypto";
import { join } from "node:path";
import { CHECKPOINT_DESIGNS, designById, type DesignId } from "../../designs/designs.ts";
import type { Architecture } from "../architecture.ts";
import { parseCheckpointConfig } from "../checkpoint-config.ts";
import { readText } from "../files.ts";
import { SafetensorsFile } from "../safetensors-file.ts";
import { tensorShapes } from "../tensors.ts";
import { loadTokenizerFile } from "../tokenizer-file.ts";
import { checkTensors, checkVocabulary } from "./fits.ts";
import { checkFolder } from "./folder.ts";
import type { OpenedCheckpoint } from "./format.ts";
import { CONFIG, FILES, TOKENIZER, WEIGHTS } from "./hysparse-files.ts";

/**
 * Version 1. What can be refused by the small files and the header is refused before any weight is read.
 * @throws UserError when a file is missing, damaged or does not fit the others
 */
export async function openHysparse(folder: string): Promise<OpenedCheckpoint> {
  await checkFolder(folder, FILES);
  const config = parseCheckpointConfig(await readText(join(folder, CONFIG)), join(folder, CONFIG));
  const { architecture, design, name, weights: origin } = config;
  const tokenizer = await loadTokenizerFile(folder);
  const notes = [...(config.notes ?? []), ...checkVocabulary(tokenizer.vocabulary, architecture, TOKENIZER)];

  const file = await SafetensorsFile.open(join(folder, WEIGHTS));
  const tensors = file.tensors();
  const parts = { architecture, design, weights: WEIGHTS, config: CONFIG };
  checkTensors(tensors, parts, otherDesign(tensors, architecture, design));
  const hash = createHash("sha256");
  await file.verify(hash);
  return { name, origin, design, architecture, tensors, tokenizer, notes, sha256: hash.digest("hex") };
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
