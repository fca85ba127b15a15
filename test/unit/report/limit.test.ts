import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { terminalText } from "../../../src/cli/terminal.ts";
import { milliseconds, percent } from "../../../src/text/format.ts";
import { toCsv } from "../../../src/report/csv.ts";
import { readReport } from "../../../src/report/json.ts";
import { shareOfLimit } from "../../../src/report/limit.ts";
import { phaseTable, stageTable } from "../../../src/report/tables.ts";
import { latencyModel } from "../../../webview/model/latency.ts";
import { restoreUi } from "../../../webview/ui-state.ts";
import { stateOf } from "../../panel/states.ts";
import { sampleReport } from "./sample-report.ts";

const report = sampleReport();
const withoutReads = sampleReport();
delete withoutReads.environment.ceilings.reads;
const file = "test/fixtures/report-0.4.0.hysparse.json";
const OLD = {
  "without rates of reading": withoutReads,
  "of version 0.4.0": readReport(readFileSync(file, "utf8"), file),
};
const page = (of: typeof report): string => JSON.stringify(latencyModel(stateOf({ report: of }), restoreUi(undefined)));

describe("share of the limit", () => {
  it("is the least time over the measured one, and none of no time", () => {
    assert.equal(shareOfLimit({ ms: 8, floorMs: 6 }), 0.75);
    assert.equal(shareOfLimit({ ms: 0, floorMs: 0 }), undefined);
  });

  it("stands in the tables beside each time", () => {
    const { mlp } = report.variants.full!.layers[4]!.prefill.stages;
    const table = phaseTable(report, report.variants.full!, "prefill");
    assert.equal(table.columns.at(-1)!.title, "share of\nthe limit");
    assert.ok(Number(table.rows[4]!.at(-1)!.replace(" %", "")) <= 70, table.rows[4]!.at(-1));
    const stages = stageTable(report, "prefill");
    assert.equal(stages.columns.filter(({ title }) => title === "share of\nthe limit").length, 3);
    const row = stages.rows.find(([name]) => name === "MLP")!;
    const all = report.variants.hysparse!.layers.map(({ prefill }) => prefill.stages.mlp!);
    const of = (value: (stage: NonNullable<typeof mlp>) => number): number => all.reduce((sum, s) => sum + value(s), 0);
    const ms = of(({ medianMs }) => medianMs);
    const at = stages.columns.findIndex(({ title }) => title.startsWith("HySparse"));
    assert.deepEqual(row.slice(at, at + 2), [milliseconds(ms), percent(of(({ floorMs }) => floorMs) / ms)]);
  });

  it("is told by terminal, CSV and panel", () => {
    assert.match(terminalText(report, ""), /share of/);
    assert.match(page(report), /share of the limit \d+ % \(/);
    assert.doesNotMatch(page(report), /floor \d/);
    const [header, ...lines] = toCsv(report).split("\n");
    const at = (name: string): number => header!.split(",").indexOf(name);
    const rows = lines.map((line) => line.split(",")).filter((row) => row[at("floorMs")]);
    assert.ok(rows.length > 100);
    for (const row of rows) {
      assert.equal(Number(row[at("shareOfLimit")]), Number(row[at("floorMs")]) / Number(row[at("medianMs")]));
    }
  });

  for (const [name, old] of Object.entries(OLD)) {
    it(`is not said of a report ${name}, whose floors are told as they were`, () => {
      for (const text of [terminalText(old, ""), page(old)]) assert.doesNotMatch(text, /limit\b.*%|share of the limit/);
      assert.match(page(old), /"floor \d/);
      assert.match(page(old), /its floor: the time for the work at this machine's measured matrix rate/);
      assert.ok(stageTable(old, "prefill").columns.some(({ title }) => title === "floor,\nms"));
      const [header, ...lines] = toCsv(old).trimEnd().split("\n");
      assert.ok(header!.endsWith(",shareOfLimit"));
      assert.ok(lines.every((line) => line.endsWith(",")));
    });
  }
});
