import { UserError } from "../model/errors.ts";
import { MOST_TOKENS } from "../model/limits.ts";
import type { ProfileSettings } from "../protocol/settings.ts";

/** The shortest context that `auto` measures. */
const AUTO_FROM = 1024;

/**
 * The lengths of a sweep, ascending, each once. `auto` takes the powers of two from 1,024 that the document fills, and the
 * document itself, of `tokens` as it is profiled.
 * @throws UserError for a list without a length, or with one that is none
 */
export function sweepLengths(asked: NonNullable<ProfileSettings["sweep"]>, tokens: number): number[] {
  if (asked === "auto") {
    const lengths: number[] = [];
    for (let length = AUTO_FROM; length < tokens; length *= 2) lengths.push(length);
    return [...lengths, tokens];
  }
  if (asked.length === 0) throw new UserError("a sweep needs at least one context length");
  for (const length of asked) {
    if (!Number.isSafeInteger(length) || length < 1 || length > MOST_TOKENS)
      throw new UserError(`${length} is not a context length`);
  }
  return [...new Set(asked)].sort((a, b) => a - b);
}

const MOST_LENGTHS = 24;

/**
 * Context lengths as people write them: "auto", or "1k, 4096, 16k" where 1k is 1,024 tokens.
 * @throws UserError in one sentence for anything else
 */
export function readLengths(text: string): "auto" | number[] {
  const words = text.split(/[\s,;]+/u).filter((word) => word !== "");
  if (words.length === 1 && words[0] === "auto") return "auto";
  if (words.length === 0) throw new UserError('Give context lengths such as 1k,4096,16k, or "auto".');
  const lengths = words.map((word) => {
    const match = /^(\d{1,9})(k?)$/iu.exec(word);
    if (!match)
      throw new UserError(`"${word}" is not a context length. Write tokens such as 4096 or 4k, or "auto" alone.`);
    const length = Number(match[1]) * (match[2] === "" ? 1 : 1024);
    if (length < 1 || length > MOST_TOKENS)
      throw new UserError(`${word} is out of range: context lengths go from 1 to ${MOST_TOKENS / 1024}k tokens.`);
    return length;
  });
  const different = [...new Set(lengths)].sort((a, b) => a - b);
  if (different.length > MOST_LENGTHS) throw new UserError(`Too many context lengths (maximum ${MOST_LENGTHS}).`);
  return different;
}
