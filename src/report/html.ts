import { messageOf } from "../model/errors.ts";
import { message } from "../model/printable.ts";
import type { Report } from "../profile/report.ts";
import { hasDecode, stagesIn, variantsOf } from "./breakdown.ts";
import { card, command, cutText } from "./card.ts";
import { crossovers } from "./crossover.ts";
import { finding } from "./finding.ts";
import { growthOf } from "./growth.ts";
import {
  PHASE_NAMES,
  QUERY_WORDS,
  STAGE_MEANINGS,
  STAGE_NAMES,
  VARIANT_MEANINGS,
  VARIANT_NAMES,
  type PhaseName,
} from "./names.ts";
import { scripts, styles } from "./page/assets.ts";
import { chartData, latencyId, type ChartData } from "./page/charts.ts";
import { curves } from "./page/curves.ts";
import { hoverTexts, LEVELS, shadedText } from "./page/document.ts";
import { chart, details, table } from "./page/elements.ts";
import { markup, jsonBlock, Markup } from "./page/markup.ts";
import { passageList } from "./page/passages.ts";
import { selectionChecks } from "./page/selection.ts";
import { growthTable, sweepKv, sweepNotes, sweepPhases, sweepRatios, sweepTimes } from "./sweep-table.ts";
import { kvTable, layerTable, phaseTable, ratiosTable, selectionTable, stageTable, totalsTable } from "./tables.ts";

/**
 * The report as one page that opens from a disk without a network: everything is inside, and its content security policy
 * lets nothing else in. `text` is the document's; a report leaves it out unless it was asked for.
 */
export function renderHtml(report: Report, text: string | undefined = report.document.text): string {
  const style = styles();
  const code = scripts();
  const policy = [
    "default-src 'none'",
    `style-src ${style.hash}`,
    `script-src ${code.map((script) => script.hash).join(" ")}`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const shown = report.importance ? text : undefined;
  const charts = attempt(() => chartData(report));
  const blocks = attempt(() => (shown === undefined ? [] : hoverTexts(report, shown)));
  const data = {
    charts: "problem" in charts ? NO_CHARTS : charts.made,
    blocks: "problem" in blocks ? [] : blocks.made,
  };
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${report.document.name} - HySparse profile</title>
<style>${Markup.trusted(style.text)}</style>
</head>
<body>
<main>
${part(report.document.name, () => head(report))}
${part("Prefill time by layer", () => latency(report, "prefill"))}
${part("Decode time by layer", () => (hasDecode(report) ? latency(report, "decode") : ""))}
${part("KV-cache memory by layer", () => memory(report))}
${part("Other context lengths", () => lengths(report))}
${part("Does the selection matter?", () => selectionChecks(report, text, shown !== undefined))}
${part("What the model looked for", () => importance(report, text))}
${"problem" in charts ? undrawn("Charts", charts.problem) : ""}
${"problem" in blocks ? undrawn("Facts of each block", blocks.problem) : ""}
</main>
<div id="tip" role="status" hidden></div>
${jsonBlock("page-data", data)}
${jsonBlock("report", report)}
${code.map((script) => markup`<script>${Markup.trusted(script.text)}</script>\n`)}
</body>
</html>
`.text;
}

const NO_CHARTS: ChartData = { layers: [], latency: [], memory: [], curves: [], coverage: [] };

/** What was made, or why it could not be. */
function attempt<T>(make: () => T): { readonly made: T } | { readonly problem: string } {
  try {
    return { made: make() };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

/** One part of the page: where it cannot be drawn it says so, and the others are. */
function part(title: string, draw: () => Markup | string): Markup | string {
  const drawn = attempt(draw);
  return "problem" in drawn ? undrawn(title, drawn.problem) : drawn.made;
}

function undrawn(title: string, problem: string): Markup {
  return markup`<section><h2>${title}</h2><p class="failed">This section could not be drawn: ${message(problem)}</p></section>`;
}

function head(report: Report): Markup {
  const cut = report.document.truncated ? [cutText(report)] : [];
  const warnings = new Set([...cut, ...report.warnings]);
  const notes = [
    ...report.model.notes,
    ...variantsOf(report).flatMap(({ name, data }) =>
      data.note === undefined ? [] : [`${VARIANT_NAMES[name]}: ${data.note}`],
    ),
  ];
  return markup`<h1>${report.document.name}</h1>
${warnings.size === 0 ? "" : markup`<ul class="warnings" aria-label="Warnings">${[...warnings].map((warning) => markup`<li>${warning}</li>`)}</ul>`}
${finding(report).map((paragraph) => markup`<p class="finding">${paragraph}</p>`)}
${table(totalsTable(report), "Totals")}
${report.ratios === undefined ? "" : markup`${table(ratiosTable(report), "Times against each other, by paired rounds")}<p>${report.ratios.method}</p>`}
<details class="card" open><summary>What was measured</summary>
<dl>${card(report).map((row) => markup`<div><dt>${row.name}</dt><dd>${row.text}</dd></div>`)}
<div><dt>Repeat it</dt><dd><code>${command(report)}</code></dd></div></dl>
${notes.length === 0 ? "" : markup`<ul class="notes">${notes.map((note) => markup`<li>${note}</li>`)}</ul>`}
<ul class="notes">${variantsOf(report).map(({ name }) => markup`<li>${VARIANT_NAMES[name]}: ${VARIANT_MEANINGS[name]}.</li>`)}</ul>
</details>
${details("Every layer in one table", [table(layerTable(report), "Latency and KV memory by layer")])}`;
}

const HOW_TO_READ =
  "F marks full layers. The dash across a bar is its floor: the time that the layer's work needs at this machine's " +
  "measured matrix rate and copy bandwidth. The thin line is the range of all rounds. Charts side by side share " +
  "one scale. With the keyboard: tab to a chart, then the arrow keys.";

function latency(report: Report, phase: PhaseName): Markup {
  const variants = variantsOf(report);
  const stages = stagesIn(report, phase);
  const what = phase === "prefill" ? "reading the whole document" : "per output token";
  return markup`<section>
<h2>${PHASE_NAMES[phase]} time by layer</h2>
<p>Milliseconds ${what}, stacked by stage. ${phase === "prefill" ? HOW_TO_READ : "Read as above."}</p>
<ul class="legend">${stages.map(
    (stage) =>
      markup`<li title="${STAGE_MEANINGS[stage]}"><canvas class="swatch" data-stage="${stage}" width="18" height="18"></canvas>${STAGE_NAMES[stage]}</li>`,
  )}<li><span class="floor-mark"></span>floor</li><li><span class="range-mark"></span>min to max</li></ul>
<div class="panels">${variants.map(
    ({ name }) =>
      markup`<figure><figcaption>${VARIANT_NAMES[name]}</figcaption>${chart(latencyId(phase, name))}</figure>`,
  )}</div>
${details("Summed over layers, by stage", [table(stageTable(report, phase), `${PHASE_NAMES[phase]} by stage`)])}
${details(
  "The charts as tables",
  variants.map(({ name, data }) =>
    table(phaseTable(report, data, phase), `${PHASE_NAMES[phase]}, ${VARIANT_NAMES[name]}, ms`),
  ),
)}
</section>`;
}

function memory(report: Report): Markup {
  const growth = growthOf(report);
  return markup`<section>
<h2>KV-cache memory by layer</h2>
<p>Bytes as allocated at the end of prefill. A sparse layer of HySparse reads the keys and values of the full layer before
it and keeps only its window.</p>
<div class="panels wide">
<figure><figcaption>By layer</figcaption>${chart("kv")}</figure>
<figure><figcaption>All layers up to this one</figcaption>${chart("kv-sum")}</figure>
</div>
${details("The charts as a table", [table(kvTable(report), "KV bytes by layer")])}
${table(growthTable(growth), "Growth of the KV cache")}
<p>${growth.note}</p>
</section>`;
}

/** A sweep over other context lengths; where HySparse becomes faster is also in the finding. */
function lengths(report: Report): Markup | string {
  if (report.sweep === undefined) return "";
  const charts = curves(report);
  return markup`<section>
<h2>Other context lengths</h2>
<p>${report.sweep.method}</p>
${crossovers(report).map(({ text }) => markup`<p>${text}</p>`)}
${charts.length === 0 ? "" : markup`<div class="panels wide">${charts.map(({ id, caption }) => markup`<figure><figcaption>${caption}</figcaption>${chart(id)}</figure>`)}</div>`}
${sweepPhases(report).flatMap((phase) => {
  const ratios = sweepRatios(report, phase);
  return [
    table(sweepTimes(report, phase), `${PHASE_NAMES[phase]} by context length`),
    ...(ratios === undefined
      ? []
      : [table(ratios, `${PHASE_NAMES[phase]}, times against each other by context length`)]),
  ];
})}
${table(sweepKv(report), "KV cache by context length")}
<ul class="notes">${sweepNotes(report).map((note) => markup`<li>${note}</li>`)}</ul>
</section>`;
}

function importance(report: Report, text: string | undefined): Markup {
  const title = markup`<h2>What the model looked for</h2>`;
  if (!report.importance) {
    const why =
      report.model.weights === "synthetic"
        ? "These weights are synthetic: times and memory are those of the real shape, but which blocks the model chooses means nothing, so no importance is shown."
        : "HySparse was not among the variants, so no blocks were scored and no importance is known.";
    return markup`<section>${title}<p>${why}</p></section>`;
  }
  const queries = QUERY_WORDS[report.importance.queries];
  const shading =
    text === undefined
      ? markup`<p>The document's text is not part of this report, so only the places are named.</p>`
      : markup`${legend(queries)}${shadedText(report, text)}`;
  return markup`<section>${title}
<p>For ${queries}: how much the full layers look at each block of ${report.model.architecture.block} tokens, against what
a block in its place is expected to get. The shade is ${report.importance.contrast.replace(/\.$/, "")}.</p>
<h3>The most wanted passages for ${queries}</h3>
${passageList(report, text)}
${shading}
${details("Which blocks the oracles chose for the last token", [table(selectionTable(report), "Chosen blocks")])}
</section>`;
}

function legend(queries: string): Markup {
  const steps = Array.from(
    { length: LEVELS + 1 },
    (_, step) =>
      markup`<span class="l${step}">&nbsp;${step === 0 ? "as expected" : ""}${step === LEVELS ? "most" : ""}&nbsp;</span>`,
  );
  return markup`<h3>The document, shaded for ${queries}</h3>
<p class="shades"><span class="scale">${steps}</span> <span class="in-colour"><span class="chosen">Underlined</span></span>
<span class="in-contrast">The thicker the line under a block, the more wanted it is; <span class="chosen">bold</span></span>:
chosen by at least one oracle for the last token. The bar before a line is the strongest shade in it. Point at a block, or tab to the text and press n or p,
to read its figures.</p>`;
}
