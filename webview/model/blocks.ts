import type { PanelState } from "../../src/protocol/panel.ts";
import { lines as linesText } from "../../src/report/format.ts";
import { linesOf } from "../../src/model/line-ends.ts";
import { snippet } from "../../src/report/lines.ts";
import { blockIn } from "../../src/report/plan.ts";

const SNIPPET = 120;

/** Where a KV block lies in the document. */
export interface Block {
  readonly start: number;
  readonly end: number;
  /** "lines 12-15", or its tokens where the text is not at hand. */
  readonly place: string;
  /** Its words on one line, cut; undefined without the text. */
  readonly words?: string;
}

/** The blocks of the profiled part of the document, in order. */
export function blocksOf({ report, text }: PanelState): Block[] {
  if (!report) return [];
  const size = blockIn(report);
  const { blockRanges, tokens } = report.document;
  if (text === undefined) {
    return blockRanges.map(([start, end], block) => ({
      start,
      end,
      place: `tokens ${block * size}-${Math.min(tokens, (block + 1) * size) - 1}`,
    }));
  }
  const starts = linesOf(text).map((line) => line.start);
  return blockRanges.map(([start, end]) => ({
    start,
    end,
    place: linesText(lineAt(starts, start) + 1, lineAt(starts, Math.max(start, end - 1)) + 1),
    words: wordsOf(text, start, end, SNIPPET),
  }));
}

/**
 * A passage on one line, cut to `length`. An ellipsis says that it begins inside a line; what ended the sentence before
 * says nothing and is left out.
 */
export function wordsOf(text: string, start: number, end: number, length: number): string {
  const before = text[start - 1];
  const words = snippet(text.slice(start, end), length);
  return before === undefined || before === "\n" ? words : `…${words.replace(/^[\s.,;:)]+/, "")}`;
}

/** Index of the line that holds `position`; `starts` ascends. */
function lineAt(starts: readonly number[], position: number): number {
  let low = 0;
  let high = starts.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (starts[middle]! <= position) low = middle;
    else high = middle;
  }
  return low;
}
