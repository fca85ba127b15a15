import { readdirSync } from "node:fs";
import { join } from "node:path";
import { peek } from "./folder.ts";
import type { CheckpointFormat } from "./format.ts";
import { CONFIG, TOKENIZER } from "./hysparse-files.ts";

/** A folder as transformers saves it and Hugging Face publishes it: config.json with a model_type, safetensors, tokenizer.json. */
export const huggingface: CheckpointFormat = {
  id: "huggingface",
  title:
    "a Hugging Face model, a folder of config.json, model.safetensors (or its shards with their index), tokenizer.json",
  files: (path) => [CONFIG, TOKENIZER, ...weightFiles(path)].map((name) => join(path, name)),
  matches: async (path) => typeof (await peek(join(path, CONFIG), "model_type")) === "string",
  open: async (path) => (await import("./huggingface-folder.ts")).openHuggingFace(path),
};

function weightFiles(path: string): string[] {
  try {
    return readdirSync(path).filter((name) => /\.safetensors(\.index\.json)?$/.test(name));
  } catch {
    return [];
  }
}
