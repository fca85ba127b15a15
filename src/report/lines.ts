import { visible } from "../model/printable.ts";

/** A passage on one line, for a list: white space folded, control characters made visible, cut to `length`. */
export function snippet(text: string, length: number): string {
  const folded = visible(text.replace(/\s+/g, " ").trim());
  if (folded.length <= length) return folded;
  // Never half of a surrogate pair.
  const cut = folded.slice(0, length - 1).replace(/[\uD800-\uDBFF]$/u, "");
  return `${cut.trimEnd()}…`;
}
