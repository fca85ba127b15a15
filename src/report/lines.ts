import { visible } from "../model/printable.ts";

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
