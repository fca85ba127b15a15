/** What a sweep measures unless told otherwise: from where nothing is sparse to where it shows, minutes on a laptop. */
export const DEFAULT_LENGTHS = "1k, 2k, 4k, 8k";

const LEAST = 16;
const MOST = 2 ** 20;
const MOST_LENGTHS = 24;

export type Lengths = { readonly lengths: readonly number[] } | { readonly problem: string };

/** Reads context lengths as people write them: "1k, 4096 16k". One k is 1,024 tokens. Ascending, without repeats. */
export function parseLengths(text: string): Lengths {
  const words = text.split(/[\s,;]+/u).filter((word) => word !== "");
  if (words.length === 0) return { problem: `Name at least one length, for example ${DEFAULT_LENGTHS}` };
  const lengths = new Set<number>();
  for (const word of words) {
    const match = /^(\d+)(k?)$/iu.exec(word);
    if (!match) return { problem: `"${word}" is not a length: write a number of tokens such as 4096 or 4k` };
    const length = Number(match[1]) * (match[2] === "" ? 1 : 1024);
    if (length < LEAST || length > MOST)
      return { problem: `${word}: lengths go from ${LEAST} tokens to ${MOST / 1024}k` };
    lengths.add(length);
  }
  if (lengths.size > MOST_LENGTHS) return { problem: `At most ${MOST_LENGTHS} lengths in one sweep` };
  return { lengths: [...lengths].sort((a, b) => a - b) };
}
