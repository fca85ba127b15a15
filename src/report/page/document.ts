import type { ImportanceRange, Report } from "../../profile/report.ts";
import { lines as linesText } from "../format.ts";
import { linesOf, type Line } from "../../model/line-ends.ts";
import { markup, type Markup } from "./markup.ts";
import { blockFacts } from "./passages.ts";
import { largest } from "../../profile/extremes.ts";

/** Steps of the shading. */
export const LEVELS = 8;

/** Weight 0 .. 1 as a step: 0 is no shading, and only a weight above zero gets any. */
export function level(weight: number): number {
  return Math.min(LEVELS, Math.ceil(weight * LEVELS));
}

/** A piece of one line that lies in one block. */
interface Piece {
  readonly start: number;
  readonly end: number;
  readonly block: number;
}

/** Facts of each block for the hover, in the order of the blocks. */
export function hoverTexts(report: Report, text: string): string[][] {
  const lines = linesOf(text);
  return blocksOf(report).map((range, block) => {
    const first = lineAt(lines, range.start);
    const last = lineAt(lines, Math.max(range.start, range.end - 1));
    return [`Block ${block}, ${linesText(first + 1, last + 1)}`, ...blockFacts(report, range)];
  });
}

/**
 * The profiled part of the text, line by line, each piece shaded by its block's weight. The bar in front of a line shows
 * the highest weight in it, so that nothing hangs on colour.
 */
export function shadedText(report: Report, text: string): Markup {
  const ranges = blocksOf(report);
  const end = ranges.at(-1)?.end ?? 0;
  const shown = linesOf(text).filter((line, index) => index === 0 || line.start < end);
  const seen = new Set<number>();
  const rows = shown.map((line, index) => {
    const pieces = piecesOf(line, ranges);
    const highest = largest(
      pieces.map((piece) => level(ranges[piece.block]!.weight)),
      0,
    );
    return markup`<div class="line" data-n="${index + 1}" data-bar="${"▁▂▃▄▅▆▇█".charAt(highest - 1)}">${pieces.map(
      (piece) => shaded(piece, ranges[piece.block]!, text, seen),
    )}
</div>`;
  });
  return markup`<div id="text" class="text" tabindex="0" role="region" aria-label="The document, shaded by importance">${rows}</div>`;
}

function shaded(piece: Piece, range: ImportanceRange, text: string, seen: Set<number>): Markup {
  const words = text.slice(piece.start, piece.end);
  const classes = `l${level(range.weight)}${range.selectedBy > 0 ? " chosen" : ""}`;
  if (seen.has(piece.block)) return markup`<span class="${classes}" data-b="${piece.block}">${words}</span>`;
  seen.add(piece.block);
  return markup`<span id="b${piece.block}" class="${classes}" data-b="${piece.block}">${words}</span>`;
}

/** Ranges without overlap: a token may end inside a character, which then belongs to the earlier block. */
function blocksOf(report: Report): ImportanceRange[] {
  let from = 0;
  return (report.importance?.ranges ?? []).map((range) => {
    const start = Math.max(from, range.start);
    from = Math.max(start, range.end);
    return { ...range, start, end: from };
  });
}

function piecesOf(line: Line, ranges: readonly ImportanceRange[]): Piece[] {
  const pieces: Piece[] = [];
  for (let block = firstAfter(ranges, line.start); block < ranges.length; block++) {
    const range = ranges[block]!;
    if (range.start >= line.end) break;
    const start = Math.max(line.start, range.start);
    const end = Math.min(line.end, range.end);
    if (start < end) pieces.push({ start, end, block });
  }
  return pieces;
}

/** The first range that ends after `position`. */
function firstAfter(ranges: readonly ImportanceRange[], position: number): number {
  return lowest(ranges.length, (i) => ranges[i]!.end > position);
}

/** Index of the line that holds `position`. */
function lineAt(lines: readonly Line[], position: number): number {
  return Math.max(0, lowest(lines.length, (i) => lines[i]!.start > position) - 1);
}

/** The lowest i below `length` for which `holds`, which stays true once it is; `length` when none does. */
function lowest(length: number, holds: (i: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
