import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { terminalText } from "../../../src/cli/terminal.ts";
import { reportSchema } from "../../../src/protocol/report.ts";
import { compareReports } from "../../../src/report/compare.ts";
import { crossovers } from "../../../src/report/crossover.ts";
import { toCsv } from "../../../src/report/csv.ts";
import { finding } from "../../../src/report/finding.ts";
import { renderHtml } from "../../../webview/export.ts";
import { readReport } from "../../../src/report/json.ts";
import { factor, ratioWords } from "../../../src/report/ratio.ts";
import { ratiosTable } from "../../../src/report/tables.ts";
import { sweepRatios } from "../../../src/report/sweep-table.ts";
import { traceText } from "../../../src/report/trace.ts";
import { curvesModel } from "../../../webview/model/curves.ts";
import { latencyModel } from "../../../webview/model/latency.ts";
import { headlineModel } from "../../../webview/model/headline.ts";
import { restoreUi } from "../../../webview/ui-state.ts";
import { sampleState } from "../../panel/states.ts";
import { withRatios, withRatiosAt } from "./sample-ratios.ts";
import { sampleReport } from "./sample-report.ts";
import { withSweep } from "./sample-sweep.ts";

const SLOWER = [1.171, 1.124, 1.226] as const;
const FASTER = [0.926, 0.9, 0.952] as const;
const SAME = [0.99, 0.962, 1.021] as const;
const both = sampleReport({ variants: ["hysparse", "full"] });

const CODE = { script: "", style: "" };

describe("a ratio in words", () => {
  it("has its interval, and is turned over where it is a gain", () => {
    const words = (values: readonly [number, number, number]): string =>
      ratioWords({ ratio: values[0], low: values[1], high: values[2] }, 0.95, "1 ms against 2 ms");
    assert.equal(words(SLOWER), "1.17x slower (95 % interval 1.12x to 1.23x; 1 ms against 2 ms)");
    assert.equal(words(FASTER), "1.08x faster (95 % interval 1.05x to 1.11x; 1 ms against 2 ms)");
  });

  it("has the further end of the interval as its bound where nothing is claimed, rounded up", () => {
    const words = (low: number, high: number): string => ratioWords({ ratio: 1, low, high }, 0.95);
    assert.equal(words(0.962, 1.021), "no difference larger than 4 %");
    assert.equal(words(0.99, 1.04), "no difference larger than 4 %");
    assert.equal(words(0.99, 1.0401), "no difference larger than 5 %");
    assert.equal(words(0.998, 1.0012), "no difference larger than 0.3 %");
    assert.equal(words(0.3, 2), "no difference larger than 3.33x");
    assert.equal(words(1, 1), "no difference larger than 0.0 %");
  });

  it("never shows an end that excludes 1 as 1", () => {
    assert.equal(factor(1.004), "1.004x");
    assert.equal(factor(0.996), "0.996x");
    assert.deepEqual([1, 1.17, 9.994, 12.64, 131.2].map(factor), ["1.00x", "1.17x", "9.99x", "12.6x", "131x"]);
  });
});

describe("a finding from paired rounds", () => {
  it("claims a difference exactly where the interval excludes 1, and says the interval", () => {
    const report = withRatios(both, SAME, SLOWER);
    const { hysparse, full } = report.variants;
    Object.assign(hysparse!.totals, { prefillMs: 2670, timePerOutputTokenMs: 19.9 });
    Object.assign(full!.totals, { prefillMs: 2950, timePerOutputTokenMs: 17 });
    const [text] = finding(reportSchema.parse(report));
    assert.ok(
      text?.endsWith(
        "Prefill: no difference larger than 4 % (2.67 s against 2.95 s). Decode is 1.17x slower (95 % interval 1.12x to " +
          "1.23x; 19.9 ms against 17.0 ms per token).",
      ),
      text,
    );
    assert.match(finding(withRatios(both, [1.02, 1, 1.04]))[0]!, /Prefill: no difference larger than 4 %/);
    assert.match(
      finding(withRatios(both, [1.02, 1.001, 1.04]))[0]!,
      /Prefill is 1\.02x slower \(95 % interval 1\.001x/,
    );
  });

  it("has the sentence that the panel leads with cut in the right place", () => {
    const { lead, more } = headlineModel(sampleState({ report: withRatios(both, SLOWER, FASTER) }))!;
    assert.match(lead, /KV memory than full attention on this document \([^)]*\)\.$/);
    assert.match(more[0]!, /^Prefill is 1\.17x slower .*\. Decode is 1\.08x faster/);
  });

  it("keeps the words of reports up to 0.4.0, which have no ratios", () => {
    const url = new URL("../../fixtures/report-0.4.0.hysparse.json", import.meta.url);
    const old = readReport(readFileSync(url, "utf8"), "old");
    const text = finding(old).join("\n");
    assert.match(text, /No difference in prefill time was measured: the samples overlap \(2\.82 s against 2\.58 s\)\./);
    assert.match(text, /Its decoding is slower, 1\.2 times as long \(21\.9 ms against 17\.7 ms\)\./);
    assert.doesNotMatch(text, /interval/);
    assert.equal(crossovers(old).length, 4);
    assert.deepEqual(ratiosTable(old).rows, []);
    assert.doesNotMatch(renderHtml(old, CODE), /by paired rounds/);
  });
});

describe("ratios elsewhere", () => {
  const report = withRatios(both, SAME, SLOWER);

  it("are in table, terminal, page, trace and CSV", () => {
    assert.deepEqual(ratiosTable(report).rows, [
      ["HySparse", "Full attention", "Prefill", "0.99x", "0.96x to 1.02x", "6", "no difference larger than 4 %"],
      ["HySparse", "Full attention", "Decode", "1.17x", "1.12x to 1.23x", "24", "slower"],
    ]);
    assert.match(stripVTControlCharacters(terminalText(report, "")), /1\.12x to 1\.23x\s+24\s+slower/);
    assert.match(renderHtml(report, CODE, ""), /1\.12x to 1\.23x/);
    const { otherData } = JSON.parse(traceText(report)) as { otherData: Record<string, unknown> };
    assert.deepEqual(otherData["ratios"], report.ratios);
    const [head = "", ...lines] = toCsv(report).trim().split("\n");
    const columns = head.split(",");
    const rows = lines.map((line) => line.split(",")).filter((cells) => cells[columns.indexOf("kind")] === "ratio");
    const picked = ["tokens", "variant", "phase", "against", "ratio", "ratioLow", "ratioHigh", "rounds"];
    assert.deepEqual(
      rows.map((cells) => picked.map((name) => cells[columns.indexOf(name)])),
      [
        ["3986", "hysparse", "prefill", "full", "0.99", "0.962", "1.021", "6"],
        ["3986", "hysparse", "decode", "full", "1.171", "1.124", "1.226", "24"],
      ],
    );
    const captions = latencyModel(sampleState({ report }), restoreUi(undefined))!.common.map(({ caption }) => caption);
    assert.equal(captions[0], "Times against each other, by paired rounds");
  });

  it("decide where HySparse becomes faster, whatever the ranges say", () => {
    const LENGTHS = [1024, 2048, 4096, 8192];
    let swept = withSweep(both, LENGTHS);
    for (const [tokens, of] of [
      [1024, SLOWER],
      [2048, SAME],
      [4096, FASTER],
      [8192, FASTER],
    ] as const) {
      swept = withRatiosAt(swept, tokens, of, of);
    }
    const [prefill] = crossovers(swept);
    assert.equal(prefill?.kind, "between");
    assert.deepEqual(prefill.between, [1024, 4096]);
    // ln 0.99 is just below 0, ln 1.171 is not: it crosses near 2,048, by the ratios and not by the medians.
    assert.ok(Math.abs(prefill.tokens! - 1024 * 2 ** (Math.log(1.171) / Math.log(1.171 / 0.99))) < 1e-6);
    assert.deepEqual(sweepRatios(swept, "decode")!.rows[0], ["1,024", "1.17x", "1.12x to 1.23x", "24"]);
    assert.equal(sweepRatios(withSweep(both, LENGTHS), "decode"), undefined);
    const kinds = toCsv(swept)
      .split("\n")
      .filter((line) => line.includes(",hysparse,,ratio,"));
    assert.equal(kinds.length, 2 * LENGTHS.length);
    assert.ok(curvesModel(sampleState({ report: swept }))!.tables.some(({ caption }) => /each other/.test(caption)));
  });

  it("of two reports are made anew, since no round is shared", () => {
    const [row] = compareReports(report, report).rows;
    assert.equal(row?.verdict, "no difference measured");
    assert.match(row.reason ?? "", /^no difference larger than/);
  });
});
