import { largest } from "./extremes.ts";
import type { Selection } from "../engine/selection.ts";
import type { ImportanceRange, Passage, Report } from "../protocol/report.ts";
import { LineIndex } from "./line-index.ts";
import type { ScoreStatistics } from "./score-statistics.ts";

type Queries = NonNullable<Report["importance"]>["queries"];

const PASSAGES = 10;

const CONTRAST: Record<Queries, string> = {
  "last-token":
    "score minus average, where average is what the block's place predicts: an effect of the block times an effect of its " +
    "distance, fitted to all queries of the document for each full layer, as a Poisson model (for the first block, the sink, " +
    "its mean); negative contrasts count as 0",
  document:
    "score minus average, where average is what a typical block at the same distances scores (the median of the blocks' " +
    "effects, fitted for each full layer as a Poisson model); the first block is left out, since an attention " +
    "sink cannot be told from content when all queries are taken together; negative contrasts count as 0",
};

export interface ImportanceInput {
  readonly statistics: ScoreStatistics;
  readonly selection: Selection;
  readonly queries: Queries;
  readonly tokens: number;
  /** Characters of each KV block. */
  readonly blockRanges: readonly (readonly [number, number])[];
  readonly text: string;
  readonly includeText: boolean;
}

/** The report's `importance`: every block's weight, and the passages most wanted. */
export function importanceReport(input: ImportanceInput): NonNullable<Report["importance"]> {
  const { statistics, queries, blockRanges } = input;
  const { scores, averages } = statistics.importance();
  const contrast = scores.map((score, i) =>
    queries === "document" && i === 0 ? 0 : Math.max(0, score - averages[i]!),
  );
  const highest = largest(contrast);
  const chosen = selectedBy(input.selection, input.tokens - 1, blockRanges.length);
  const ranges: ImportanceRange[] = blockRanges.map(([start, end], i) => ({
    start,
    end,
    weight: highest > 0 ? contrast[i]! / highest : 0,
    score: scores[i]!,
    average: averages[i]!,
    selectedBy: chosen[i]!,
  }));
  return {
    queries,
    contrast: CONTRAST[queries],
    ranges,
    layers: statistics.layers.map((layer) => ({ layer, scores: [...statistics.ofLayer(layer)] })),
    passages: passages(ranges, input.text, input.includeText),
  };
}

/** How many of the feeding oracles' KV heads select each block for `query`. */
function selectedBy(selection: Selection, query: number, blocks: number): Uint32Array {
  const counts = new Uint32Array(blocks);
  for (const oracle of selection.oracles) {
    for (let head = 0; head < oracle.kvHeads; head++) {
      for (const index of oracle.at(query, head).blocks) counts[index]!++;
    }
  }
  return counts;
}

function passages(ranges: readonly ImportanceRange[], text: string, includeText: boolean): Passage[] {
  const lines = new LineIndex(text);
  return ranges
    .map((range, block) => ({ ...range, block }))
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight || a.block - b.block)
    .slice(0, PASSAGES)
    .map((range) => ({
      ...range,
      ...lines.linesOf(range.start, range.end),
      ...(includeText ? { text: text.slice(range.start, range.end) } : {}),
    }));
}
