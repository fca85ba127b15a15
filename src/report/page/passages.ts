import type { Passage, Report } from "../../profile/report.ts";
import { selectingHeads } from "../breakdown.ts";
import { lines, score } from "../format.ts";
import { snippet } from "../lines.ts";
import { markup, type Markup } from "./markup.ts";

const SNIPPET = 200;

/** What is known about a block, in the words of the hover and of the list. */
export function blockFacts(
  report: Report,
  block: { readonly score: number; readonly average: number; readonly selectedBy: number },
): string[] {
  return [
    `score ${score(block.score)}, ${score(block.average)} expected here`,
    `chosen by ${block.selectedBy} of ${selectingHeads(report)} KV heads for the last token`,
  ];
}

/** The most wanted passages; a click goes to the place where the text is shown. */
export function passageList(report: Report, text: string | undefined): Markup {
  const passages = report.importance?.passages ?? [];
  if (passages.length === 0) return markup`<p>None stands out.</p>`;
  return markup`<ol class="passages">
    ${passages.map((passage) => item(report, passage, text))}
  </ol>`;
}

function item(report: Report, passage: Passage, text: string | undefined): Markup {
  const place = lines(passage.startLine, passage.endLine);
  const words = text === undefined ? passage.text : text.slice(passage.start, passage.end);
  const link =
    text === undefined
      ? markup`<b>${place}</b>`
      : markup`<a href="#b${passage.block}" data-go="${passage.block}">${place}</a>`;
  return markup`<li>
    ${link} <span class="facts">${blockFacts(report, passage).join("; ")}</span>
    ${words === undefined ? "" : markup`<q>${snippet(words, SNIPPET)}</q>`}
  </li>`;
}
