/** A line of a text without its line end: characters [start, end). Ends are \n and \r\n, as the report counts lines. */
export interface Line {
  readonly start: number;
  readonly end: number;
}

/** The lines of a text; a text that ends with a line end has an empty last line, as editors show it. */
export function linesOf(text: string): Line[] {
  const lines: Line[] = [];
  let start = 0;
  for (const match of text.matchAll(/\r?\n/g)) {
    lines.push({ start, end: match.index });
    start = match.index + match[0].length;
  }
  lines.push({ start, end: text.length });
  return lines;
}

/** A passage on one line, for a list: white space folded, control characters made visible, cut to `length`. */
export function snippet(text: string, length: number): string {
  const folded = visible(text.replace(/\s+/g, " ").trim());
  if (folded.length <= length) return folded;
  // Never half of a surrogate pair.
  const cut = folded.slice(0, length - 1).replace(/[\uD800-\uDBFF]$/u, "");
  return `${cut.trimEnd()}…`;
}

/** Control characters as their picture (ESC as ␛): a document must not steer the reader's terminal. */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    const code = character.codePointAt(0)!;
    return code < 0x20 ? String.fromCodePoint(0x2400 + code) : "\ufffd";
  });
}
