import type { Cursor, PanelState } from "../../src/protocol/panel.ts";
import { selectingHeads } from "../../src/report/breakdown.ts";
import { count, lines, plural, ratio, score } from "../../src/report/format.ts";
import { snippet } from "../../src/report/lines.ts";
import { QUERY_WORDS } from "../../src/report/names.ts";
import { blockIn } from "../../src/report/plan.ts";
import { linesOf } from "../../src/model/line-ends.ts";
import { largest } from "../../src/profile/extremes.ts";
import { blocksOf, wordsOf, type Block } from "./blocks.ts";
import { hasEditor } from "./exported.ts";
import { whyNoLinks } from "./place.ts";

const SNIPPET = 200;
/** Characters of a segment, from which on it takes no more lines: the page lays out only those near the screen. */
const SEGMENT = 4000;

/** Steps of the shading. */
export const LEVELS = 8;

/** Weight 0 .. 1 as a step: 0 is no shading, and only a weight above zero gets any. */
export function level(weight: number): number {
  return Math.min(LEVELS, Math.ceil(weight * LEVELS));
}

export interface TextModel {
  readonly queries: string;
  readonly message: string;
  /** What is shown, and how the shade follows from the scores. */
  readonly reading: string;
  readonly passages: readonly PassageItem[];
  readonly blocks: readonly ShadedBlock[];
  /** The profiled text, its lines in groups; undefined where it is not at hand. */
  readonly segments?: readonly (readonly TextLine[])[];
  readonly whyNoText?: string;
  readonly unlinked?: string;
  /** Whether an editor shows places; else the text here does. */
  readonly editor: boolean;
}

export interface PassageItem {
  readonly block: number;
  readonly start: number;
  readonly end: number;
  readonly place: string;
  /** 0 .. 1, the most wanted of all. */
  readonly weight: number;
  readonly facts: string;
  readonly words?: string;
}

export interface ShadedBlock extends Block {
  /** 0 none .. 8 the most wanted. */
  readonly level: number;
  readonly chosen: boolean;
  readonly facts: string;
}

/** A line in pieces, each within one block. */
export interface TextLine {
  /** From 1. */
  readonly number: number;
  /** The highest of its blocks'. */
  readonly level: number;
  readonly pieces: readonly Piece[];
}

export interface Piece {
  readonly block: number;
  readonly text: string;
}

export function textModel(state: PanelState): TextModel | undefined {
  const { report, text } = state;
  const importance = report?.importance;
  if (!report || !importance) return undefined;
  const heads = selectingHeads(report);
  const facts = (of: { score: number; average: number; selectedBy: number }): string =>
    `${timesExpected(of.score, of.average)}; ` +
    (of.selectedBy === 0 ? "not chosen for the last token" : `chosen by ${of.selectedBy} of ${heads} heads`);
  const blocks = blocksOf(state).map((block, index): ShadedBlock => {
    const range = importance.ranges[index]!;
    return { ...block, level: level(range.weight), chosen: range.selectedBy > 0, facts: facts(range) };
  });
  const why = whyNoLinks(state);
  const queries = QUERY_WORDS[importance.queries];
  const [first] = importance.passages;
  return {
    queries,
    message: first
      ? `For ${queries} the model looks most at ${lines(first.startLine, first.endLine)}.`
      : `For ${queries} no passage stands out.`,
    reading:
      `For ${queries}: how much the full layers look at each block of ${blockIn(report)} tokens, against ` +
      `what a block in its place is expected to get. The shade is the ${importance.contrast.replace(/\.$/, "")}.`,
    passages: importance.passages.map((passage) => {
      const words = text === undefined ? passage.text : wordsOf(text, passage.start, passage.end, SNIPPET);
      return {
        block: passage.block,
        start: passage.start,
        end: passage.end,
        place: lines(passage.startLine, passage.endLine),
        weight: passage.weight,
        facts: facts(passage),
        ...(words === undefined ? {} : { words: snippet(words, SNIPPET + 1) }),
      };
    }),
    blocks,
    ...(text === undefined ? { whyNoText: whyNoText(state) } : { segments: segmentsOf(text, blocks) }),
    ...(why === undefined ? {} : { unlinked: why }),
    editor: hasEditor(state),
  };
}

/** "35 times the attention that its place gets (0.2274 for 0.0065)". */
function timesExpected(found: number, expected: number): string {
  const figures = `(${score(found)} for ${score(expected)})`;
  if (expected <= 0 || found <= expected) return `no more attention than its place gets ${figures}`;
  return `${ratio(found / expected)} times the attention that its place gets ${figures}`;
}

function whyNoText({ document }: PanelState): string {
  if (document === "edited") return "The document was edited after it was profiled, so its text is not shown here.";
  if (document === "closed") return "The document is not open, so its text is not shown here.";
  return "The document's text is not part of this report.";
}

/** The lines of the profiled text, cut at block borders, in groups of some thousand characters. */
export function segmentsOf(
  text: string,
  blocks: readonly (Pick<Block, "start" | "end"> & Pick<ShadedBlock, "level">)[],
): TextLine[][] {
  let from = 0;
  // A token may end inside a character, which then belongs to the earlier block.
  const ranges = blocks.map((range) => {
    const start = Math.max(from, range.start);
    from = Math.max(start, range.end);
    return { start, end: from };
  });
  const segments: TextLine[][] = [];
  let segment: TextLine[] = [];
  let length = 0;
  let block = 0;
  for (const [index, line] of linesOf(text).entries()) {
    if (index > 0 && line.start >= from) break;
    const pieces: Piece[] = [];
    for (; block < ranges.length; block++) {
      const { start, end } = ranges[block]!;
      if (start >= line.end) break;
      const words = text.slice(Math.max(start, line.start), Math.min(end, line.end));
      if (words !== "") pieces.push({ block, text: words });
      // It goes on in the next line.
      if (end > line.end) break;
    }
    segment.push({
      number: index + 1,
      level: largest(
        pieces.map((piece) => blocks[piece.block]!.level),
        0,
      ),
      pieces,
    });
    length += line.end - line.start + 1;
    if (length < SEGMENT) continue;
    segments.push(segment);
    segment = [];
    length = 0;
  }
  if (segment.length > 0) segments.push(segment);
  return segments;
}

export interface FollowText {
  readonly title: string;
  readonly unread: string;
  readonly oracles: readonly {
    readonly name: string;
    readonly blocks: readonly { readonly block: number; readonly name: string }[];
  }[];
  /** Per block: choices by KV heads of all oracles. */
  readonly heads: readonly number[];
  /** The first block that the token does not see, and the block in which its window begins. */
  readonly seenEnd: number;
  readonly windowStart: number;
}

/** What the token at the cursor reads. */
export function followText(model: TextModel, cursor: Cursor): FollowText {
  const heads = new Array<number>(model.blocks.length).fill(0);
  for (const oracle of cursor.oracles) {
    for (const { block, heads: times } of oracle.blocks) if (block < heads.length) heads[block]! += times;
  }
  const after = model.blocks.findIndex(({ start }) => start >= cursor.end);
  return {
    title: `The token at the cursor (line ${count(cursor.line)}, token ${count(cursor.token)}) reads:`,
    unread:
      cursor.unreadableTokens === 0
        ? "Every token before it can be read by a sparse layer."
        : `${plural(cursor.unreadableTokens, "token")} before it can be read by no sparse layer: no selecting layer chose ` +
          "their blocks, and they lie before its window. The full layers still read them.",
    oracles: cursor.oracles.map(({ layer, feeds, blocks }) => ({
      name: `Layer ${layer}, for ${plural(feeds.length, "layer")} after it`,
      blocks: blocks.map(({ block }) => ({ block, name: model.blocks[block]?.place ?? `block ${block}` })),
    })),
    heads,
    seenEnd: after < 0 ? model.blocks.length : after,
    windowStart: Math.max(
      0,
      model.blocks.findLastIndex(({ start }) => start <= cursor.windowStart),
    ),
  };
}
