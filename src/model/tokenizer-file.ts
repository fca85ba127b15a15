import { join } from "node:path";
import { loadTokenizer } from "./bpe.ts";
import { readText } from "./files.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** The tokenizer of a model's folder, alone. @throws UserError for one that is not read exactly */
export async function loadTokenizerFile(folder: string): Promise<Tokenizer> {
  const path = join(folder, "tokenizer.json");
  return loadTokenizer(await readText(path), path);
}
