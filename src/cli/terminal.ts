import type { Report } from "../protocol/report.ts";
import { hasDecode, selectingHeads, variantsOf } from "../report/breakdown.ts";
import { card } from "../report/card.ts";
import { fidelityRuns } from "../report/fidelity.ts";
import { distanceTable, FIDELITY_READING, fidelityTable } from "../report/fidelity-table.ts";
import { finding } from "../report/finding.ts";
import { lines, score, sentence } from "../text/format.ts";
import { growthOf } from "../report/growth.ts";
import { visible } from "../model/printable.ts";
import { snippet } from "../report/lines.ts";
import { PHASE_NAMES, QUERY_WORDS, VARIANT_NAMES } from "../report/names.ts";
import { MAP_MEANINGS, mapFinding, mapTable } from "../report/oracle-map.ts";
import { partialNote } from "../report/partial.ts";
import { coverageFinding, placesNote, swapsFinding, swapsScope } from "../report/selection-finding.ts";
import { swapPlaces, swapsTable } from "../report/swaps-table.ts";
import { sweepKv, sweepNotes, sweepPhases, sweepRatios, sweepTimes, growthTable } from "../report/sweep-table.ts";
import { layerTable, ratiosTable, stageTable, totalsTable } from "../report/tables.ts";
import { section, WIDTH, wrap } from "./layout.ts";

/** The whole report for a terminal; every piece of the document in it is made harmless first. */
export function terminalText(report: Report, text: string): string {
  const sections = [
    cardText(report),
    warnings(report),
    ...(variantsOf(report).length === 0 ? [] : figures(report)),
    finding(report)
      .map((paragraph) => wrap(paragraph))
      .join("\n\n"),
    fidelity(report),
    swaps(report, text),
    oracleMap(report),
    passages(report, text),
  ];
  return `${sections.filter((part) => part !== "").join("\n\n")}\n`;
}

/** What was measured of the variants, as far as there is any. */
function figures(report: Report): string[] {
  return [
    section("Latency and KV memory by layer", layerTable(report)),
    section("Prefill by stage, all layers", stageTable(report, "prefill")),
    ...(hasDecode(report) ? [section("Decode per token by stage, all layers", stageTable(report, "decode"))] : []),
    section("Totals", totalsTable(report)),
    report.ratios === undefined ? "" : section("Time ratios, by paired rounds", ratiosTable(report)),
    sweep(report),
    growth(report),
  ];
}

function cardText(report: Report): string {
  const rows = card(report).map(({ name, text }) => wrap(`${name.padEnd(11)}${visible(text)}`, 11));
  const notes = [
    ...report.model.notes,
    ...variantsOf(report).flatMap(({ name, data }) =>
      data.note === undefined ? [] : [`${VARIANT_NAMES[name]}: ${data.note}`],
    ),
  ];
  return [...rows, ...notes.map((note) => wrap(`${"Note".padEnd(11)}${visible(note)}`, 11))].join("\n");
}

function warnings(report: Report): string {
  return [partialNote(report) ?? [], ...report.warnings]
    .flat()
    .map((warning) => wrap(`! ${visible(warning)}`, 2))
    .join("\n");
}

/** Where HySparse becomes faster is in the finding. */
function sweep(report: Report): string {
  if (report.sweep === undefined) return "";
  return [
    ...sweepPhases(report).flatMap((phase) => {
      const ratios = sweepRatios(report, phase);
      const title = `${PHASE_NAMES[phase]} by context length`;
      return [
        section(title, sweepTimes(report, phase)),
        ...(ratios === undefined ? [] : [section(`${title}, time ratios`, ratios)]),
      ];
    }),
    section("KV cache by context length", sweepKv(report)),
    [...sweepNotes(report), report.sweep.method].map((note) => wrap(visible(note))).join("\n"),
  ].join("\n\n");
}

function growth(report: Report): string {
  const found = growthOf(report);
  return `${section("KV cache growth", growthTable(found))}\n${wrap(visible(found.note))}`;
}

/** How much of what a layer looks at lies in the blocks that it inherits. */
function fidelity(report: Report): string {
  if (report.fidelity === undefined) return "";
  const runs = fidelityRuns(report).flatMap((run) => [
    section(`${run.title}: attention inside the inherited blocks, by distance to the oracle`, distanceTable(run)),
    section("By layer", fidelityTable(run)),
    paragraphs(coverageFinding(run)),
  ]);
  return [...runs, paragraphs([FIDELITY_READING, sentence(report.fidelity.method)])].join("\n\n");
}

/** What the document costs with the selection replaced, and where. */
function swaps(report: Report, text: string): string {
  if (report.swaps === undefined) return "";
  const note = placesNote(report);
  const places = swapPlaces(report, text).map(
    ({ name, facts, words }, i) =>
      `${String(i + 1).padStart(2)}. ${name}, ${facts}\n    ${snippet(words ?? "", WIDTH - 4)}`,
  );
  return [
    `${section("Prediction with the selection replaced", swapsTable(report))}\n${wrap(swapsScope(report) ?? "")}`,
    paragraphs(swapsFinding(report)),
    wrap(visible(sentence(report.swaps.method))),
    ...(note === undefined ? [] : [["Where random blocks cost most", wrap(note), ...places].join("\n")]),
  ].join("\n\n");
}

/** How much of each layer's attention lies where earlier ones chose. */
function oracleMap({ oracleMap: map }: Report): string {
  if (map === undefined) return "";
  const { rest, error } = MAP_MEANINGS;
  return [
    section(`Oracle map, ${map.k} tokens in blocks of ${map.block}, window ${map.window}`, mapTable(map)),
    paragraphs(mapFinding(map)),
    paragraphs([`Rest: ${rest}. Error: ${error}. ${sentence(map.method)}`]),
  ].join("\n\n");
}

function paragraphs(texts: readonly string[]): string {
  return texts.map((text) => wrap(visible(text))).join("\n");
}

function passages(report: Report, text: string): string {
  const { importance, model } = report;
  if (!importance) {
    const why =
      model.weights === "synthetic"
        ? "No importance: the weights are random, so the selection means nothing."
        : "No importance: hysparse was not profiled.";
    return wrap(why);
  }
  const heads = selectingHeads(report);
  const rows = importance.passages.map((passage, i) => {
    const facts =
      `${lines(passage.startLine, passage.endLine)}, score ${score(passage.score)} (${score(passage.average)} expected), ` +
      `selected by ${passage.selectedBy} of ${heads} heads`;
    return `${String(i + 1).padStart(2)}. ${facts}\n    ${snippet(text.slice(passage.start, passage.end), WIDTH - 4)}`;
  });
  if (rows.length === 0) return `No passage stands out (${QUERY_WORDS[importance.queries]}).`;
  return [`Most attended passages (${QUERY_WORDS[importance.queries]})`, ...rows].join("\n");
}
