/** Finds the 1-based line of a character, counting lines as `document.lines` does. */
export class LineIndex {
  readonly #starts = [0];

  constructor(text: string) {
    for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) this.#starts.push(at + 1);
  }

  /** Lines of the characters [start, end); an empty range lies in the line of its start. */
  linesOf(start: number, end: number): { readonly startLine: number; readonly endLine: number } {
    return { startLine: this.#lineAt(start), endLine: this.#lineAt(Math.max(start, end - 1)) };
  }

  #lineAt(character: number): number {
    let low = 0;
    let high = this.#starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#starts[middle]! <= character) low = middle;
      else high = middle;
    }
    return low + 1;
  }
}
