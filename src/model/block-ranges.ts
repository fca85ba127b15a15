import type { Encoding } from "./tokenizer.ts";

/** UTF-16 range [start, end) of a text. */
export type CharacterRange = readonly [start: number, end: number];

/**
 * The characters of each KV block: block i holds tokens i * block .. (i + 1) * block - 1. The ranges tile the text: a
 * block starts where its first token starts (at the whole character, when the token begins inside one: a character that
 * two blocks share belongs to the later one) and ends where the next block starts; the last ends with its last
 * token, which is the end of the text unless the encoding was truncated.
 *
 * @throws RangeError when the encoding reaches beyond `textLength`: it belongs to another text
 */
export function blockRanges(encoding: Encoding, block: number, textLength: number): CharacterRange[] {
  const { starts, ends } = encoding;
  const end = ends.at(-1) ?? 0;
  if (end > textLength) throw new RangeError(`the encoding ends at ${end}, the text at ${textLength}`);
  const ranges: CharacterRange[] = [];
  for (let first = 0; first < starts.length; first += block) {
    ranges.push([starts[first] ?? 0, starts[first + block] ?? end]);
  }
  return ranges;
}
