import type { Report } from "../../protocol/report.ts";
import type { Cursor } from "../../protocol/panel.ts";
import { count, plural, score } from "../../report/format.ts";
import { QUERY_WORDS } from "../../report/names.ts";
import { selectedIn } from "../../report/plan.ts";
import { selectingHeads } from "../../report/breakdown.ts";

/**
 * What is known of a block, in sentences. Importance is never told without its queries.
 * @param edited whether the document was edited since it was profiled
 */
export function hoverLines(report: Report, block: number, edited: boolean): string[] {
  const { importance } = report;
  const range = importance?.ranges[block];
  if (!importance || !range) return [];
  const queries = QUERY_WORDS[importance.queries];
  const contrast = range.score - range.average;
  const layers = importance.layers.map(({ layer, scores }) => `${layer}: ${score(scores[block] ?? 0)}`);
  return [
    `HySparse importance for ${queries}: ${Math.round(range.weight * 100)} % of the highest. Block ${block} of ` +
      `${count(importance.ranges.length)}, counted from 0.`,
    `Score ${score(range.score)}, ${score(range.average)} expected at this place: contrast ${signed(contrast)}.`,
    `Score by full layer: ${layers.join(", ")}.`,
    `For the last token, ${range.selectedBy} of ${plural(selectingHeads(report), "oracle head")} selected it.`,
    ...timesSelected(report, block),
    ...(edited ? ["The document was edited since it was profiled: this is what was measured before."] : []),
  ];
}

/** What the token at the cursor reads of a block, in sentences. */
export function cursorLines(cursor: Cursor, block: number, range: readonly [number, number]): string[] {
  const feeding = cursor.oracles.filter(({ feeds }) => feeds.length > 0);
  const parts = feeding.flatMap(({ layer, blocks }) => {
    const chosen = blocks.find((candidate) => candidate.block === block);
    return chosen ? [`layer ${layer} (${plural(chosen.heads, "KV head")}, score ${score(chosen.score)})`] : [];
  });
  if (range[0] >= cursor.end) return [];
  const whose = `The token at the cursor (line ${count(cursor.line)})`;
  if (parts.length > 0) return [`${whose} selects this block: ${parts.join(", ")}.`];
  if (range[1] > cursor.windowStart) return [`${whose} reads this block through its sliding window.`];
  return cursor.unreadableTokens > 0
    ? [`${whose} cannot read this block in any sparse layer; full layers read it.`]
    : [];
}

/** "Over the whole document, layer 4 selected it in 1,204 of 8,000 cases (queries times KV heads)." */
function timesSelected(report: Report, block: number): string[] {
  const { block: size, kvHeads } = selectedIn(report);
  // Only queries in the block or behind it can select it.
  const cases = Math.max(0, report.document.tokens - block * size) * kvHeads;
  const parts = (report.selection?.oracles ?? []).flatMap(({ layer, feeds, timesSelected: times }) => {
    const selected = times?.[block];
    return selected === undefined || feeds.length === 0 ? [] : [`layer ${layer} in ${count(selected)}`];
  });
  if (parts.length === 0 || cases === 0) return [];
  return [
    `Over all tokens that can see it, selected by ${parts.join(", ")} of ${plural(cases, "case")} (tokens times KV heads).`,
  ];
}

function signed(value: number): string {
  return value < 0 ? `-${score(-value)}` : `+${score(value)}`;
}
