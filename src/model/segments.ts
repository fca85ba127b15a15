/**
 * Cuts a text into segments that are tokenized one after the other, so that time and memory stay linear: one word of
 * millions of letters would otherwise go through the pre-tokenizer's regular expression and the merge queue in one piece.
 *
 * A cut is made behind a letter or digit that white space, punctuation or a symbol follows. No pre-tokenizer pattern in
 * common use (GPT-2, GPT-4, o200k, Llama 3, Qwen, DeepSeek) has a match across such a place, nor looks ahead over it, so
 * the tokens are those of the uncut text. Apostrophes are left out because o200k keeps "word's" together; combining
 * marks are neither punctuation nor symbols. A stretch without any such place is cut at the limit, which can change the
 * tokens next to that cut: at most one place per `limit` characters.
 */
const SAFE_CUT = /[\p{L}\p{N}](?=[\s\p{P}\p{S}])(?!['\u2019])/gu;

/** The end of the segment that starts at `start`: the last safe cut within `limit` UTF-16 units, else the limit. */
export function segmentEnd(text: string, start: number, limit: number): number {
  if (text.length - start <= limit) return text.length;
  // Look near the limit first: ordinary text has a cut in its last 256 units, and most of the text is scanned once.
  for (let reach = 256; ; reach *= 8) {
    const from = reach >= limit ? start : characterStart(text, start + limit - reach);
    const cut = lastSafeCut(text, from, start + limit);
    if (cut !== undefined) return cut;
    if (from === start) return characterStart(text, start + limit);
  }
}

/** `at`, or the unit before it when `at` is inside a surrogate pair. */
function characterStart(text: string, at: number): number {
  const low = text.charCodeAt(at);
  const high = text.charCodeAt(at - 1);
  return low >= 0xdc00 && low <= 0xdfff && high >= 0xd800 && high <= 0xdbff ? at - 1 : at;
}

function lastSafeCut(text: string, from: number, to: number): number | undefined {
  // One character more than the window, because the pattern looks at the one behind the cut.
  const window = text.slice(from, to + 2);
  let found: number | undefined;
  for (const match of window.matchAll(SAFE_CUT)) {
    const cut = from + match.index + match[0].length;
    if (cut > to) break;
    found = cut;
  }
  return found;
}
