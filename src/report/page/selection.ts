import type { Report } from "../../profile/report.ts";
import { coverageTables, FIDELITY_READING } from "../fidelity-table.ts";
import { COVERAGE_MEANINGS, COVERAGE_NAMES, COVERAGES, fidelityRuns } from "../fidelity.ts";
import { sentence } from "../format.ts";
import { snippet } from "../lines.ts";
import { coverageFinding, hasSelectionChecks, placesNote, swapsFinding, swapsScope } from "../selection-finding.ts";
import { SWAP_LABELS, SWAP_MEANINGS, swapPlaces, swapsTable, type Place } from "../swaps-table.ts";
import { coverageChart, RANGE_READING } from "./coverage.ts";
import { chart, details, table } from "./elements.ts";
import { markup, type Markup } from "./markup.ts";

const SNIPPET = 200;

/** Whether the choice of blocks matters: what a swap costs, and how much of the attention the inherited blocks cover. */
export function selectionChecks(report: Report, text: string | undefined, linked: boolean): Markup | string {
  if (!hasSelectionChecks(report)) return "";
  return markup`<section>
<h2>Does the selection matter?</h2>
${swaps(report, text, linked)}
${fidelity(report)}
</section>`;
}

function swaps(report: Report, text: string | undefined, linked: boolean): Markup | string {
  if (report.swaps === undefined) return "";
  const places = swapPlaces(report, text);
  return markup`${swapsFinding(report).map(paragraph)}
${table(swapsTable(report), "Predicting the document with other blocks")}
<p>${swapsScope(report) ?? ""}</p>
${details("How this was measured", [
  paragraph(sentence(report.swaps.method)),
  markup`<ul class="notes">${report.swaps.results.map(({ name }) => markup`<li>${SWAP_LABELS[name]}: ${SWAP_MEANINGS[name]}.</li>`)}</ul>`,
])}
${
  places.length === 0
    ? ""
    : markup`<h3>Where random blocks cost most</h3>
<p>${placesNote(report) ?? ""}</p>
<ol class="passages">${places.map((place) => item(place, linked))}</ol>`
}`;
}

function paragraph(text: string): Markup {
  return markup`<p>${text}</p>`;
}

/** A place; a click goes to where the text is shown. */
function item({ block, name, facts, words }: Place, linked: boolean): Markup {
  const link = linked ? markup`<a href="#b${block}" data-go="${block}">${name}</a>` : markup`<b>${name}</b>`;
  return markup`<li>${link} <span class="facts">${facts}</span>
${words === undefined ? "" : markup`<q>${snippet(words, SNIPPET)}</q>`}</li>`;
}

function fidelity(report: Report): Markup | string {
  const runs = fidelityRuns(report);
  if (report.fidelity === undefined || runs.length === 0) return "";
  const charts = runs.map((run) => ({ run, ...coverageChart(run) }));
  return markup`<h3>How much of the attention the inherited blocks cover</h3>
<div class="panels wide">${charts.map(({ run, id, caption }) => {
    const sentences = coverageFinding(run).map(paragraph);
    return markup`<figure><figcaption>${caption}</figcaption>${chart(id)}${sentences}</figure>`;
  })}</div>
<ul class="notes">${COVERAGES.map((name) => markup`<li>${COVERAGE_NAMES[name]}: ${COVERAGE_MEANINGS[name]}.</li>`)}
${runs.map(({ title, meaning }) => markup`<li>${title}: ${meaning}.</li>`)}
${charts.some(({ range }) => range !== undefined) ? markup`<li>${RANGE_READING}</li>` : ""}</ul>
${details("The charts as tables, and every layer", [
  markup`<p>${FIDELITY_READING}</p>`,
  ...runs.flatMap((run) => coverageTables(run).map((of) => table(of.table, of.caption))),
])}
${details("How this was measured", [markup`<p>${sentence(report.fidelity.method)}</p>`])}`;
}
