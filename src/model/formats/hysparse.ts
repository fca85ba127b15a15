import { join } from "node:path";
import { peek, type FolderFile } from "./folder.ts";
import type { CheckpointFormat } from "./format.ts";

export const CONFIG = "config.json";
export const WEIGHTS = "model.safetensors";
export const TOKENIZER = "tokenizer.json";

export const FILES: readonly FolderFile[] = [
  { name: CONFIG, text: true },
  { name: WEIGHTS, text: false },
  { name: TOKENIZER, text: true },
];

/** The format of our own training: a folder whose config.json says "hysparse". Version 1. */
export const hysparse: CheckpointFormat = {
  id: "hysparse",
  title: `a HySparse checkpoint, a folder of ${FILES.map(({ name }) => name).join(", ")}`,
  files: (path) => FILES.map(({ name }) => join(path, name)),
  matches: async (path) => (await peek(join(path, CONFIG), "format")) === "hysparse",
  open: async (path) => (await import("./hysparse-folder.ts")).openHysparse(path),
};
