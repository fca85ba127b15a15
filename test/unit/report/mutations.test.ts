import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { terminalText } from "../../../src/cli/terminal.ts";
import { UserError } from "../../../src/model/errors.ts";
import type { Report } from "../../../src/protocol/report.ts";
import { compareReports } from "../../../src/report/compare.ts";
import { toCsv } from "../../../src/report/csv.ts";
import { readReport, serialize } from "../../../src/report/json.ts";
import { traceText } from "../../../src/report/trace.ts";
import { renderHtml as renderPage } from "../../../webview/export.ts";
import { aboutModel } from "../../../webview/model/about.ts";
import { checksModel } from "../../../webview/model/checks.ts";
import { comparisonModel } from "../../../webview/model/comparison.ts";
import { curvesModel } from "../../../webview/model/curves.ts";
import { headlineModel } from "../../../webview/model/headline.ts";
import { kvModel } from "../../../webview/model/kv.ts";
import { latencyModel } from "../../../webview/model/latency.ts";
import { cellText, mapModel } from "../../../webview/model/map.ts";
import { textModel } from "../../../webview/model/text.ts";
import { restoreUi } from "../../../webview/ui-state.ts";
import { stateOf, withCounts, withSweep } from "../../panel/states.ts";
import { mutated } from "./mutate.ts";
import { withChecks } from "./sample-checks.ts";
import { sampleReport } from "./sample-report.ts";

const UI = restoreUi(undefined);
const TEXT = Array.from({ length: 60 }, (_, i) => `Line ${i} of a document for mutations.`).join("\n");
const WHOLE: Report = withSweep(
  withChecks(withCounts(sampleReport({ text: TEXT, tokens: 2800, repetitions: 2 })), TEXT),
);
const MUTATIONS = 400;

/** Without its code, which names the sentence that is looked for. */
const renderHtml = (report: Report, text: string): string => renderPage(report, { script: "", style: "" }, text);

/** Everything that is made from a report, for eyes and for files. */
function drawAll(report: Report): void {
  for (const text of [TEXT, undefined]) {
    const state = stateOf({ report, baseline: { name: "a", report: WHOLE }, ...(text === undefined ? {} : { text }) });
    for (const phase of ["prefill", "decode"] as const) latencyModel(state, { ...UI, phase });
    for (const model of [headlineModel, kvModel, textModel, checksModel, curvesModel, comparisonModel, aboutModel]) {
      JSON.stringify(model(state));
    }
    const map = mapModel(state);
    map?.blocks.forEach((_, block) => map.rows.forEach((_row, row) => cellText(map, row, block, undefined)));
  }
  terminalText(report, TEXT);
  compareReports(report, WHOLE);
  compareReports(WHOLE, report);
  toCsv(report);
  JSON.parse(traceText(report));
  serialize(report);
}

function refusal(value: unknown): string | undefined {
  try {
    readReport(JSON.stringify(value), "saved.json");
    return undefined;
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
}

describe("reports that contradict themselves", () => {
  it("the sample's own is accepted and drawn whole", () => {
    assert.equal(refusal(WHOLE), undefined);
    drawAll(WHOLE);
    assert.doesNotMatch(renderHtml(WHOLE, TEXT), /Cannot show this section/);
  });

  it("are refused with the field's name", () => {
    const cases: readonly [RegExp, (report: Report) => void][] = [
      [
        /document\.blockRanges: 43 ranges, where 2800 tokens in blocks of 64 are 44/,
        (r) => r.document.blockRanges.pop(),
      ],
      [/document\.blockRanges\[3\]: /, (r) => r.document.blockRanges[3]!.reverse()],
      [/importance\.ranges: 43 ranges/, (r) => r.importance!.ranges.pop()],
      [/variants\.full\.layers: 0 layers, where the model has 13/, (r) => r.variants.full!.layers.splice(0)],
      [/variants\.full: missing/, (r) => delete r.variants.full],
      [/variants\.full: measured/, (r) => r.settings.variants.splice(1, 1)],
      [/variants\.full\.totals\.kvBytes: not the sum/, (r) => r.variants.full!.totals.kvBytes++],
      [/variants\.full\.layers\[0\]\.prefill\.medianMs: /, (r) => (r.variants.full!.layers[0]!.prefill.medianMs = 1e9)],
      [/layers\[1\]\.kvBorrowedFrom: layer 2 is not/, (r) => (r.variants.hysparse!.layers[1]!.kvBorrowedFrom = 2)],
      [/oracles\[0\]\.layer: layer 1 is not a full layer/, (r) => (r.selection!.oracles[0]!.layer = 1)],
      [/oracles\[0\]\.feeds: layer 99 does not read its blocks/, (r) => r.selection!.oracles[0]!.feeds.push(99)],
      [/heads\[0\]\.blocks: /, (r) => r.selection!.oracles[0]!.queries[0]!.heads[0]!.blocks.splice(0, 1, 99)],
      [/heads\[0\]\.scores: /, (r) => r.selection!.oracles[0]!.queries[0]!.heads[0]!.scores.pop()],
      [/timesSelected: 43 numbers/, (r) => r.selection!.oracles[0]!.timesSelected!.pop()],
      [/sweep\.points\[1\]\.tokens: 512 does not follow 512/, (r) => (r.sweep!.points[1]!.tokens = 512)],
      [/passages\[0\]\.block: block 44 of 44/, (r) => (r.importance!.passages[0]!.block = 44)],
      [/model\.schedule: 12 layers, where the architecture has 13/, (r) => r.model.schedule.pop()],
      [/swaps\.results: the learned selection is missing/, (r) => r.swaps!.results.shift()],
      [/fidelity\.variants\.hysparse\.layers\[0\]: /, (r) => (r.fidelity!.variants.hysparse!.layers[0]!.oracle = 50)],
      [/fidelity\.positions: 2 positions of 64 queries/, (r) => (r.fidelity!.positions = [1, 2])],
      [
        /fidelity\.positions: 5 is out of order/,
        (r) => (r.fidelity!.positions = Array.from({ length: 64 }, (_, i) => (i === 6 ? 5 : i))),
      ],
    ];
    for (const [message, change] of cases) {
      const report = structuredClone(WHOLE);
      change(report);
      const said = refusal(report);
      assert.match(said ?? "accepted", message);
      assert.match(said ?? "", /^saved\.json is not a valid report: /);
    }
  });

  it("however one is changed, it is refused with a message or drawn without an exception", () => {
    const counts = { refused: 0, drawn: 0 };
    for (let seed = 0; seed < MUTATIONS; seed++) {
      const { value, what } = mutated(WHOLE, seed);
      const text = JSON.stringify(value);
      let report: Report;
      try {
        report = readReport(text, "saved.json");
      } catch (error) {
        assert.ok(error instanceof UserError, `seed ${seed}, ${what}: ${String(error)}`);
        counts.refused++;
        continue;
      }
      counts.drawn++;
      try {
        drawAll(report);
        if (seed % 10 === 0) assert.doesNotMatch(renderHtml(report, TEXT), /Cannot show this section/);
      } catch (error) {
        throw new Error(`seed ${seed}, ${what}`, { cause: error });
      }
    }
    assert.ok(counts.refused > MUTATIONS / 4 && counts.drawn > MUTATIONS / 10, JSON.stringify(counts));
  });
});

describe("a part that cannot be drawn", () => {
  it("says so in the page while the others are drawn", () => {
    const report = structuredClone(WHOLE);
    // Past every rule, as a fault of ours would be.
    Object.defineProperty(report.sweep, "points", {
      get: () => {
        throw new Error("no points\u001b");
      },
      enumerable: false,
    });
    const html = renderHtml(report, TEXT);
    assert.match(html, /<h2>Other context lengths<\/h2>\n<p>Cannot show this section: no points␛<\/p>/);
    assert.match(html, /<h2>What the model looked at<\/h2>\n<p>Most attended \(last token\)/);
  });
});
