import { lastAtMost, lineStarts } from "../model/line-ends.ts";

/** Finds the 1-based line of a character, counting lines as `document.lines` and editors do. */
export class LineIndex {
  readonly #starts: readonly number[];

  constructor(text: string) {
    this.#starts = lineStarts(text);
  }

  /** Lines of the characters [start, end); an empty range lies in the line of its start. */
  linesOf(start: number, end: number): { readonly startLine: number; readonly endLine: number } {
    return { startLine: this.#lineAt(start), endLine: this.#lineAt(Math.max(start, end - 1)) };
  }

  #lineAt(character: number): number {
    return lastAtMost(this.#starts, character) + 1;
  }
}
