import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { terminalText } from "../../../src/cli/terminal.ts";
import { inconsistencies } from "../../../src/profile/report-consistency.ts";
import type { OracleMap } from "../../../src/protocol/oracle-map.ts";
import { reportSchema } from "../../../src/protocol/report.ts";
import { toCsv } from "../../../src/report/csv.ts";
import { families, mapFinding, mapTable, pairsTable } from "../../../src/report/oracle-map.ts";
import { oracleMapModel } from "../../../webview/model/oracle-map.ts";
import { staticSections } from "../../../webview/model/static.ts";
import { restoreUi } from "../../../webview/ui-state.ts";
import { sampleState } from "../../panel/states.ts";
import { oracleMapOf, withMap } from "./sample-map.ts";
import { SAMPLE_TEXT, sampleReport } from "./sample-report.ts";

const report = withMap(sampleReport());
const map = oracleMapOf(report);
const last = report.model.schedule.length - 1;

describe("an oracle map in a report", () => {
  it("is told from a valid report, and refused where it contradicts the model", () => {
    assert.deepEqual(reportSchema.parse(report), report);
    assert.deepEqual(inconsistencies(report), []);
    const [layer] = map.budgets[0]!.layers;
    const contradictions: [OracleMap, string][] = [
      [{ ...map, k: 64 }, "oracleMap.k"],
      [{ ...map, parts: [] }, "oracleMap.parts"],
      [{ ...map, errors: map.errors.slice(1) }, "oracleMap.errors"],
      [{ ...map, budgets: [{ k: 512, layers: [layer!] }] }, "oracleMap.budgets[0].layers"],
      [{ ...map, positions: [5, 5] }, "oracleMap.positions"],
      [{ ...map, errorPositions: [10_000_000] }, "oracleMap.errorPositions"],
    ];
    for (const [broken, path] of contradictions) {
      const paths = inconsistencies({ ...report, oracleMap: broken }).map((found) => found.path);
      assert.ok(paths.includes(path), `${path}: ${paths.join()}`);
    }
  });

  it("cuts the layers into families of those that look at the same tokens", () => {
    assert.deepEqual(families(map), [
      { from: 0, to: 3 },
      { from: 4, to: last },
    ]);
    assert.match(mapFinding(map)[0]!, new RegExp(`2 families .*: 0-3, 4-${last}\\.`));
    const apart = structuredClone(map);
    for (const [layer, { rest }] of apart.budgets[0]!.layers.entries()) rest.fill(0.2, 0, layer);
    assert.equal(families(apart).length, last + 1);
    assert.match(mapFinding(apart)[0]!, /^No two neighbouring layers/);
  });

  it("is the same in the tables, the terminal, CSV and the page", () => {
    assert.deepEqual(mapTable(map).rows[5], "5|25 %|50 %|70 %|60 %|30 %|20 %|80 %|70 %|1.0|4.0|12.5".split("|"));
    assert.deepEqual(pairsTable(map, "error").rows[1]!.slice(0, 4), ["1", "4.0", "1.0", ""]);
    const terminal = terminalText(report, SAMPLE_TEXT);
    assert.match(terminal, /Oracle map, 512 tokens in blocks of 64, window 128/);
    const csv = toCsv(report);
    assert.match(csv, /oracle-map.*rest\.k512\.layer4,0\.6/);
    assert.match(csv, /oracle-map.*error\.newest,0\.0125/);
    const model = oracleMapModel(sampleState({ report }), restoreUi(undefined));
    assert.deepEqual(model?.cells[5]?.[4], { text: "60", depth: 0.6, title: "layer 5, layer 4's choice: rest 60 %" });
    const shown = staticSections(sampleState({ report })).find(({ title }) => title.startsWith("Do layers"));
    assert.equal(shown?.tables.length, 6);
  });
});
