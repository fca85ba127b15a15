/** A line ends as VS Code counts: at \n, \r\n or a lone \r, and at nothing else (not at U+2028). */
const LINE_END = /\r\n|\r|\n/g;

export type LineEnd = "\n" | "\r\n" | "\r";

/** The line ends of a text in order, as runs of equal ones. */
export type LineEnds = readonly (readonly [LineEnd, number])[];

/** Offset at which each line starts; the first is 0. */
export function lineStarts(text: string): number[] {
  const starts = [0];
  for (const match of text.matchAll(LINE_END)) starts.push(match.index + match[0].length);
  return starts;
}

/** A line of a text without its line end: characters [start, end). */
export interface Line {
  readonly start: number;
  readonly end: number;
}

/** The lines of a text; a text that ends with a line end has an empty last line, as editors show it. */
export function linesOf(text: string): Line[] {
  const lines: Line[] = [];
  let start = 0;
  for (const match of text.matchAll(LINE_END)) {
    lines.push({ start, end: match.index });
    start = match.index + match[0].length;
  }
  lines.push({ start, end: text.length });
  return lines;
}

/** The text with every line end as \n: the same for a file and for an editor that gave all its lines one end. */
export function withPlainEnds(text: string): string {
  return text.includes("\r") ? text.replace(LINE_END, "\n") : text;
}

export function lineEndsOf(text: string): LineEnds {
  const runs: [LineEnd, number][] = [];
  for (const [end] of text.matchAll(LINE_END)) {
    const last = runs.at(-1);
    if (last?.[0] === end) last[1]++;
    else runs.push([end as LineEnd, 1]);
  }
  return runs;
}

/** Each line end of runs; \n for all that come after the last. */
function* each(runs: LineEnds): Generator<LineEnd, never> {
  for (const [end, count] of runs) for (let i = 0; i < count; i++) yield end;
  for (;;) yield "\n";
}

/** Maps UTF-16 offsets between two texts that differ in their line ends alone. */
export class LineMap {
  /** Starts of lines in the original text, and in the other. */
  readonly #original: number[] = [0];
  readonly #other: number[] = [0];
  readonly #lines: readonly Line[];
  readonly #ends: LineEnds;

  /**
   * @param other a text with other line ends than the original's
   * @param ends the original's; where it has fewer, the rest is \n
   */
  constructor(other: string, ends: LineEnds) {
    this.#lines = linesOf(other);
    this.#ends = ends;
    const originals = each(ends);
    let start = 0;
    for (let i = 1; i < this.#lines.length; i++) {
      const { start: from, end: to } = this.#lines[i - 1]!;
      start += to - from + originals.next().value.length;
      this.#original.push(start);
      this.#other.push(this.#lines[i]!.start);
    }
  }

  toOther(offset: number): number {
    return this.#map(offset, this.#original, this.#other);
  }

  toOriginal(offset: number): number {
    return this.#map(offset, this.#other, this.#original);
  }

  /** The original of `other`, which must be the text that the map was made of. */
  restore(other: string): string {
    const originals = each(this.#ends);
    const parts = this.#lines.map(
      ({ start, end }, i) => (i === 0 ? "" : originals.next().value) + other.slice(start, end),
    );
    return parts.join("");
  }

  /** An offset inside a line end becomes the end of the line, or the start of the next where it is behind all of it. */
  #map(offset: number, from: readonly number[], to: readonly number[]): number {
    const line = lastAtMost(from, offset);
    const { start, end } = this.#lines[line]!;
    return to[line]! + Math.min(offset - from[line]!, end - start);
  }
}

/** Index of the last of ascending `values` that is at most `value`; 0 when none is. */
export function lastAtMost(values: readonly number[], value: number): number {
  let low = 0;
  let high = values.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (values[middle]! <= value) low = middle;
    else high = middle;
  }
  return low;
}
