import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CSV_COLUMNS, toCsv } from "../../../src/report/csv.ts";
import { withChecks } from "./sample-checks.ts";
import { sampleReport } from "./sample-report.ts";
import { withSweep } from "./sample-sweep.ts";

type Row = Record<string, string>;

/** A reader of RFC 4180 that shares nothing with the writer. */
function parse(csv: string): Row[] {
  const rows: string[][] = [[]];
  let field = "";
  let quoted = false;
  for (let i = 0; i < csv.length; i++) {
    const c = csv[i]!;
    if (quoted && c === '"' && csv[i + 1] === '"') i++;
    else if (c === '"') {
      quoted = !quoted;
      continue;
    } else if (!quoted && (c === "," || c === "\n")) {
      rows.at(-1)!.push(field);
      field = "";
      if (c === "\n") rows.push([]);
      continue;
    }
    field += c;
  }
  const [header, ...body] = rows.filter((row) => row.length > 0);
  return body.map((row) => Object.fromEntries(header!.map((name, i) => [name, row[i]!])));
}

describe("CSV report", () => {
  const report = sampleReport();
  const rows = parse(toCsv(report));

  it("has the header and a full set of columns in every row", () => {
    assert.equal(toCsv(report).split("\n")[0], CSV_COLUMNS.join(","));
    for (const row of rows) assert.deepEqual(Object.keys(row), [...CSV_COLUMNS]);
  });

  it("has one row per variant, layer, phase and stage", () => {
    const keys = rows.map((row) => [row.variant, row.layer, row.phase, row.stage].join());
    assert.equal(new Set(keys).size, keys.length);
    const sparse = rows.filter((row) => row.variant === "hysparse" && row.layer === "1" && row.phase === "prefill");
    assert.deepEqual(
      sparse.map((row) => row.stage),
      ["all", "project", "attend", "sparse", "window", "output", "mlp"],
    );
  });

  it("gives the report's numbers unrounded", () => {
    const row = rows.find((r) => r.variant === "full" && r.layer === "4" && r.phase === "decode" && r.stage === "mlp")!;
    const stage = report.variants.full!.layers[4]!.decode!.stages.mlp!;
    assert.deepEqual([row.medianMs, row.minMs, row.floorMs].map(Number), [stage.medianMs, stage.minMs, stage.floorMs]);
  });

  it("lets KV bytes be summed: layers add up to the total", () => {
    const own = rows.filter((row) => row.variant === "hysparse" && row.kvBytes !== "");
    const total = own.find((row) => row.kind === "total")!;
    const layers = own.filter((row) => row.kind !== "total");
    assert.equal(layers.length, 13);
    assert.equal(
      layers.reduce((sum, row) => sum + Number(row.kvBytes), 0),
      Number(total.kvBytes),
    );
    assert.equal(Number(total.peakBytes), report.variants.hysparse!.totals.peakBytes);
  });

  it("quotes commas, quotes and line ends", () => {
    const name = 'notes, "final"\nversion.md';
    const renamed = { ...report, document: { ...report.document, name } };
    assert.equal(parse(toCsv(renamed))[0]!.document, name);
  });

  it("holds nothing that a spreadsheet evaluates, and numbers stay numbers", () => {
    for (const name of ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1", "\uff1d1"]) {
      const [, row] = toCsv({ ...report, document: { ...report.document, name } }).split("\n");
      const quoted = /[\r"]/.test(name) ? `"'${name}"` : `'${name}`;
      assert.ok(row!.startsWith(`${quoted},`), row);
    }
    assert.doesNotMatch(toCsv(report), /'/);
  });

  it("has no decode rows when nothing was decoded", () => {
    assert.ok(parse(toCsv(sampleReport({ decodeTokens: 0 }))).every((row) => row.phase === "prefill"));
  });

  it("has the lengths of a sweep and where they cross, apart from the document's own rows", () => {
    const swept = withSweep(report, [1024, 8192]);
    const all = parse(toCsv(swept));
    const own = all.filter(({ kind }) => kind !== "sweep" && kind !== "crossover");
    assert.deepEqual(own, rows);
    const points = all.filter(({ kind }) => kind === "sweep");
    assert.equal(points.length, 2 * 3 * 2);
    for (const { tokens, variant, phase, medianMs, minMs, maxMs, kvBytes } of points) {
      const point = swept.sweep!.points.find((candidate) => String(candidate.tokens) === tokens)!;
      const of = point.variants[variant as "full"]!;
      assert.equal(medianMs, String(phase === "prefill" ? of.prefillMs : of.timePerOutputTokenMs));
      assert.ok(Number(minMs) < Number(medianMs) && Number(medianMs) < Number(maxMs));
      assert.equal(kvBytes, phase === "prefill" ? String(of.kvBytes) : "");
    }
    const crossings = all.filter(({ kind }) => kind === "crossover");
    assert.deepEqual(
      crossings.map(({ variant, phase }) => [variant, phase]),
      [["full", "prefill"]],
    );
    assert.ok(Number(crossings[0]!.tokens) > 1024 && Number(crossings[0]!.tokens) < 8192);
  });

  it("has the selection's checks as values, apart from every time", () => {
    const checked = withChecks(report);
    const all = parse(toCsv(checked));
    const own = all.filter(({ kind }) => kind !== "fidelity" && kind !== "swap");
    assert.deepEqual(own, rows);
    assert.ok(own.every(({ measure, value, selection }) => measure === "" && value === "" && selection === ""));
    const layers = all.filter(({ kind }) => kind === "fidelity");
    assert.equal(layers.length, 2 * 9 * (2 + 8 + 3));
    const found = layers.find(
      (row) => row.variant === "hysparse" && row.layer === "10" && row.measure === "mass.inherited",
    );
    assert.equal(Number(found?.value), checked.fidelity!.variants.hysparse!.layers[7]!.mass.inherited);
    const swaps = all.filter(({ kind }) => kind === "swap");
    assert.equal(swaps.length, 6 * 4);
    const added = swaps.find((row) => row.selection === "random" && row.measure === "addedLow");
    assert.equal(added?.value, "0.00625");
    assert.ok([...layers, ...swaps].every(({ medianMs, kvBytes }) => medianMs === "" && kvBytes === ""));
  });
});
