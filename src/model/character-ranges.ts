/** UTF-8 bytes of the character at `at`; a lone surrogate is encoded as U+FFFD, three bytes. */
function utf8Length(text: string, at: number): { bytes: number; units: number } {
  const unit = text.charCodeAt(at);
  if (unit < 0x80) return { bytes: 1, units: 1 };
  if (unit < 0x800) return { bytes: 2, units: 1 };
  return (text.codePointAt(at) ?? unit) > 0xffff ? { bytes: 4, units: 2 } : { bytes: 3, units: 1 };
}

/**
 * The characters that each token came from, by walking the text's UTF-8 beside the tokens' byte lengths.
 *
 * @param lengths bytes of each token, in order [tokens]
 * @returns UTF-16 ranges [starts, ends) with a token that begins or ends inside a character widened to all of it, or
 *   undefined when the tokens' bytes are not as many as the text's
 */
export function characterRanges(
  text: string,
  lengths: Uint32Array,
): { starts: Uint32Array; ends: Uint32Array } | undefined {
  const starts = new Uint32Array(lengths.length);
  const ends = new Uint32Array(lengths.length);
  // The current character: UTF-16 units [unit, unitEnd), bytes up to byteEnd.
  let unit = 0;
  let unitEnd = 0;
  let byteEnd = 0;
  const reach = (byte: number): boolean => {
    while (byteEnd <= byte) {
      if (unitEnd >= text.length) return false;
      unit = unitEnd;
      const code = text.charCodeAt(unit);
      if (code < 0x80) {
        unitEnd += 1;
        byteEnd += 1;
      } else {
        const { bytes, units } = utf8Length(text, unit);
        unitEnd += units;
        byteEnd += bytes;
      }
    }
    return true;
  };
  let byte = 0;
  for (const [token, length] of lengths.entries()) {
    if (length === 0 || !reach(byte)) return undefined;
    starts[token] = unit;
    byte += length;
    if (!reach(byte - 1)) return undefined;
    ends[token] = unitEnd;
  }
  return unitEnd === text.length && byteEnd === byte ? { starts, ends } : undefined;
}
