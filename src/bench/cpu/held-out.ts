import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { MEDIA_ROOT } from "../../model/models.ts";
import type { Model } from "../../model/model.ts";

/** The folder of text that the embedded model was never trained on. */
export const HELD_OUT = join(MEDIA_ROOT, "heldout");

/** `count` tokens of held-out text, from its start; the text is repeated where it is too short. */
export function heldOutTokens(model: Model, count: number): Uint32Array {
  const files = readdirSync(HELD_OUT).filter((name) => /\.(py|md|txt)$/.test(name));
  const text = files.map((name) => readFileSync(join(HELD_OUT, name), "utf8")).join("\n");
  const { ids } = model.tokenizer.encode(text);
  return Uint32Array.from({ length: count }, (_, i) => ids[i % ids.length] ?? 0);
}
