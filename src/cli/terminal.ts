import Table from "cli-table3";
import type { Report } from "../profile/report.ts";
import { hasDecode, selectingHeads, variantsOf } from "../report/breakdown.ts";
import { card } from "../report/card.ts";
import { finding } from "../report/finding.ts";
import { lines, score } from "../report/format.ts";
import { snippet, visible } from "../report/lines.ts";
import { QUERY_WORDS, VARIANT_NAMES } from "../report/names.ts";
import { layerTable, stageTable, totalsTable, type Table as ReportTable } from "../report/tables.ts";

const WIDTH = 100;

/** The whole report for a terminal; every piece of the document in it is made harmless first. */
export function terminalText(report: Report, text: string): string {
  const sections = [
    cardText(report),
    warnings(report),
    section("Latency and KV memory by layer", layerTable(report)),
    section("Prefill by stage, all layers", stageTable(report, "prefill")),
    ...(hasDecode(report) ? [section("Decoding a token by stage, all layers", stageTable(report, "decode"))] : []),
    section("Totals", totalsTable(report)),
    finding(report)
      .map((paragraph) => wrap(paragraph))
      .join("\n\n"),
    passages(report, text),
  ];
  return `${sections.filter((part) => part !== "").join("\n\n")}\n`;
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
  return report.warnings.map((warning) => wrap(`! ${visible(warning)}`, 2)).join("\n");
}

function passages(report: Report, text: string): string {
  const { importance, model } = report;
  if (!importance) {
    const why =
      model.weights === "synthetic"
        ? "No importance is shown: the weights are synthetic, so what the model chooses means nothing."
        : "No importance is known: hysparse was not among the variants.";
    return wrap(why);
  }
  const heads = selectingHeads(report);
  const rows = importance.passages.map((passage, i) => {
    const facts =
      `${lines(passage.startLine, passage.endLine)}, score ${score(passage.score)} (${score(passage.average)} expected), ` +
      `chosen by ${passage.selectedBy} of ${heads} heads`;
    return `${String(i + 1).padStart(2)}. ${facts}\n    ${snippet(text.slice(passage.start, passage.end), WIDTH - 4)}`;
  });
  if (rows.length === 0) return `No passage stands out for ${QUERY_WORDS[importance.queries]}.`;
  return [`Most wanted passages for ${QUERY_WORDS[importance.queries]}`, ...rows].join("\n");
}

function section(title: string, { columns, rows }: ReportTable): string {
  const table = new Table({
    head: columns.map((column) => twoLines(column.title)),
    colAligns: columns.map((column) => (column.numeric ? "right" : "left")),
    chars: BORDERS,
    // Colours belong to the terminal's owner.
    style: { head: [], border: [], compact: true, "padding-left": 0, "padding-right": 2 },
  });
  table.push(...rows.map((row) => [...row]));
  const body = table.toString().split("\n");
  return [title, ...body.map((line) => line.trimEnd())].join("\n");
}

const BORDERS = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "─",
  "mid-mid": "─",
  right: "",
  "right-mid": "",
  middle: "",
};

/** A long title on two lines, broken at the space nearest to its middle. */
function twoLines(title: string): string {
  if (title.length < 10 || title.includes("\n")) return title;
  const spaces = [...title.matchAll(/ /g)].map((match) => match.index);
  const middle = title.length / 2;
  const [at] = spaces.sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle));
  return at === undefined ? title : `${title.slice(0, at)}\n${title.slice(at + 1)}`;
}

/** Lines of at most WIDTH characters; all but the first indented. Words that are longer stay whole. */
function wrap(text: string, indent = 0): string {
  const result: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > WIDTH) {
      result.push(line);
      line = `${" ".repeat(indent)}${word}`;
    } else {
      line = line === "" && result.length === 0 ? word : `${line} ${word}`;
    }
  }
  return [...result, line].join("\n");
}
