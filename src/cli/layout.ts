import Table from "cli-table3";
import type { Table as ReportTable } from "../report/tables.ts";

export const WIDTH = 100;

/** A table under its title, as plain text. */
export function section(title: string, { columns, rows }: ReportTable): string {
  const table = new Table({
    head: columns.map((column) => twoLines(column.title)),
    colAligns: columns.map((column) => (column.numeric ? "right" : "left")),
    chars: BORDERS,
    // Colours belong to the terminal's owner.
    style: { head: [], border: [], compact: true, "padding-left": 0, "padding-right": 2 },
  });
  for (const row of rows) table.push([...row]);
  const body = table.toString().split("\n");
  // The last column's padding is invisible, but under the heads it would make the line longer than the table.
  return [title, ...body.map((line) => line.trimEnd().replace(/─{2}$/, ""))].join("\n");
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
  "mid-mid": "",
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
export function wrap(text: string, indent = 0): string {
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
