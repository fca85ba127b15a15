import type { ImportanceRange } from "../../protocol/report.ts";
import type { Cursor } from "../../protocol/panel.ts";
import { largest } from "../../profile/extremes.ts";

/** Steps of the shading; 1 is the faintest. */
export const LEVELS = 5;

/** Steps of what the token at the cursor selects. */
export const CURSOR_LEVELS = 3;

/** UTF-16 range [start, end). */
export type Span = readonly [start: number, end: number];

/** Where a range of the profiled text is in the document; undefined where an edit touched it. */
export type ToDocument = (start: number, end: number) => Span | undefined;

/** Weight 0 .. 1 as a step: 0 is no shading, and only a weight above zero gets any. */
export function levelOf(weight: number, levels: number): number {
  return Math.min(levels, Math.ceil(weight * levels));
}

/**
 * Importance as ranges of the document, one list per level (index 0 is level 1), in the document's order. Blocks that an
 * edit touched are left out; neighbours of one level become one range.
 */
export function importanceSpans(ranges: readonly ImportanceRange[], toDocument: ToDocument): Span[][] {
  const levels = emptyLevels(LEVELS);
  for (const { start, end, weight } of ranges) {
    const level = levelOf(weight, LEVELS);
    if (level > 0) add(levels[level - 1]!, start, end, toDocument);
  }
  return levels;
}

/** What the token at the cursor reads, as ranges of the document. */
export interface CursorSpans {
  /** Selected blocks, one list per level (index 0 is level 1). */
  readonly selected: readonly Span[][];
  /** The sliding window, the token itself included. */
  readonly window: readonly Span[];
  /** What comes before the window and no sparse layer can read for this token. */
  readonly unreadable: readonly Span[];
}

/** `blockRanges` are the report's: the characters of each block. */
export function cursorSpans(cursor: Cursor, blockRanges: readonly Span[], toDocument: ToDocument): CursorSpans {
  const scores = new Map<number, number>();
  for (const { feeds, blocks } of cursor.oracles) {
    if (feeds.length === 0) continue;
    for (const { block, score } of blocks) scores.set(block, Math.max(scores.get(block) ?? 0, score));
  }
  const highest = largest(scores.values(), 0);
  const selected = emptyLevels(CURSOR_LEVELS);
  const unreadable: Span[] = [];
  for (const [block, [start, end]] of blockRanges.entries()) {
    if (start >= cursor.end) break;
    const score = scores.get(block);
    if (score !== undefined) {
      // A selected block whose score rounds to nothing is selected all the same.
      const level = highest > 0 ? Math.max(1, levelOf(score / highest, CURSOR_LEVELS)) : 1;
      add(selected[level - 1]!, start, Math.min(end, cursor.end), toDocument);
    } else if (cursor.unreadableTokens > 0 && start < cursor.windowStart) {
      add(unreadable, start, Math.min(end, cursor.windowStart), toDocument);
    }
  }
  const window: Span[] = [];
  // In pieces, so that an edit inside the window takes only what it touched.
  for (const [start, end] of blockRanges) {
    const from = Math.max(start, cursor.windowStart);
    const to = Math.min(end, cursor.end);
    if (from < to) add(window, from, to, toDocument);
  }
  return { selected, window, unreadable };
}

/** The block that holds a character of the profiled text, or undefined. */
export function blockAt(blockRanges: readonly Span[], offset: number): number | undefined {
  let low = 0;
  let high = blockRanges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (blockRanges[middle]![0] <= offset) low = middle + 1;
    else high = middle;
  }
  const found = blockRanges[low - 1];
  return found && offset < found[1] ? low - 1 : undefined;
}

function emptyLevels(levels: number): Span[][] {
  return Array.from({ length: levels }, () => []);
}

/** Appends a range, or makes the last one longer where the two touch. */
function add(spans: Span[], start: number, end: number, toDocument: ToDocument): void {
  const found = toDocument(start, end);
  if (!found || found[0] >= found[1]) return;
  const last = spans.at(-1);
  if (last?.[1] === found[0]) spans[spans.length - 1] = [last[0], found[1]];
  else spans.push(found);
}
