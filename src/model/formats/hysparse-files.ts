import type { FolderFile } from "./folder.ts";

export const CONFIG = "config.json";
export const WEIGHTS = "model.safetensors";
export const TOKENIZER = "tokenizer.json";

export const FILES: readonly FolderFile[] = [
  { name: CONFIG, text: true },
  { name: WEIGHTS, text: false },
  { name: TOKENIZER, text: true },
];
