import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { byDistance, byOracle, fidelityRuns, together } from "../../../src/report/fidelity.ts";
import { distanceTable, fidelityTable } from "../../../src/report/fidelity-table.ts";
import { coverageChart } from "../../../webview/model/coverage.ts";
import { coverageFinding } from "../../../src/report/selection-finding.ts";
import { reportSchema } from "../../../src/protocol/report.ts";
import { withChecks } from "./sample-checks.ts";
import { sampleReport } from "./sample-report.ts";

const report = withChecks(sampleReport());
const [hysparse, full] = fidelityRuns(report);
assert.ok(hysparse && full);

function near(found: number, wanted: number): void {
  assert.ok(Math.abs(found - wanted) < 1e-12, `${found}, wanted ${wanted}`);
}

describe("fidelity", () => {
  it("is told from a valid report", () => {
    assert.deepEqual(reportSchema.parse(report), report);
  });

  it("takes the layers of a distance together, whatever their oracle", () => {
    const rows = byDistance(hysparse.layers);
    assert.deepEqual(
      rows.map(({ distance, layers }) => [distance, layers]),
      [
        [1, [1, 5, 9]],
        [2, [2, 6, 10]],
        [3, [3, 7, 11]],
      ],
    );
    near(rows[0]!.mass.inherited, 0.6);
    near(rows[2]!.mass.inherited, 0.56);
    near(rows[0]!.lowest, 0.5);
    near(rows[0]!.highest, 0.7);
  });

  it("takes the layers of an oracle together, whatever their distance", () => {
    const rows = byOracle(hysparse.layers);
    assert.deepEqual(
      rows.map(({ oracle, layers }) => [oracle, layers]),
      [
        [0, [1, 2, 3]],
        [4, [5, 6, 7]],
        [8, [9, 10, 11]],
      ],
    );
    assert.equal(rows[0]!.distance, undefined);
    near(rows[2]!.mass.inherited, 0.68);
    near(together(hysparse.layers).mass.inherited, 0.58);
  });

  it("has a table by distance with the mean of all, and one by layer", () => {
    const table = distanceTable(hysparse);
    assert.deepEqual(table.rows[0], [
      ...["1", "3", "60 %", "15 %", "70 %", "85 %", "90 %", "40 %", "6 %", "30 %", "40 %", "13 %"],
    ]);
    assert.deepEqual(table.rows.at(-1)?.slice(0, 3), ["all", "9", "58 %"]);
    for (const row of [...table.rows, ...fidelityTable(full).rows]) assert.equal(row.length, table.columns.length);
    assert.deepEqual(
      fidelityTable(hysparse).rows.map(([layer, oracle]) => [layer, oracle]),
      hysparse.layers.map(({ layer, oracle }) => [String(layer), String(oracle)]),
    );
  });

  it("says what the inherited blocks hold beside random, newest and own ones", () => {
    assert.deepEqual(coverageFinding(hysparse), [
      "The inherited blocks hold 58 % of what the 9 layers that inherit them would look at if they saw everything; random " +
        "ones would hold 6 %, the newest 40 %, the layers' own choice of as many 85 %.",
      "Layer 0's blocks hold 48 % for layers 1 to 3, layer 4's 58 % for layers 5 to 7, layer 8's 68 % for layers 9 to 11.",
    ]);
  });

  it("names the oracle where there is only one", () => {
    const [sentence, ...more] = coverageFinding({ ...hysparse, layers: hysparse.layers.slice(6) });
    assert.match(sentence ?? "", /^The blocks chosen by layer 8 hold 68 % of what layers 9 to 11 would look at/);
    assert.deepEqual(more, []);
  });

  it("says of weights that were made for another variant that their coverage is not a trained model's", () => {
    assert.match(coverageFinding(full)[0] ?? "", /^This is not what a model trained this way would show\. The weights/);
    const dense = structuredClone(report);
    delete dense.variants.full!.note;
    delete dense.fidelity!.variants.hysparse;
    const runs = fidelityRuns(dense);
    assert.equal(runs.length, 1);
    assert.match(coverageFinding(runs[0]!)[0] ?? "", /^The inherited blocks hold 35 % .* look at as full attention;/);
  });

  it("draws one line per choice, with the range over layers of the inherited share only", () => {
    const chart = coverageChart(hysparse);
    assert.deepEqual(chart.distances, [1, 2, 3]);
    assert.deepEqual(
      chart.series.map(({ choice, values }) => [choice, values.length]),
      [
        ["own", 3],
        ["inherited", 3],
        ["recent", 3],
        ["random", 3],
      ],
    );
    near(chart.range!.max[0]!, 0.7);
    assert.equal(chart.texts[0]![1], "inherited blocks 60 % (50 % to 70 %)");
    assert.equal(coverageChart({ ...hysparse, layers: hysparse.layers.slice(6) }).range, undefined);
  });

  it("is absent from reports without it", () => {
    assert.deepEqual(fidelityRuns(sampleReport()), []);
  });
});
