import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Report } from "../../../src/protocol/report.ts";
import { inconsistencies } from "../../../src/profile/report-consistency.ts";
import { toCsv } from "../../../src/report/csv.ts";
import { readReport, serialize, serializeLine } from "../../../src/report/json.ts";
import { traceText } from "../../../src/report/trace.ts";
import { renderHtml } from "../../../webview/export.ts";
import { headlineModel } from "../../../webview/model/headline.ts";
import { checksModel } from "../../../webview/model/checks.ts";
import { curvesModel } from "../../../webview/model/curves.ts";
import { exportedState } from "../../../webview/model/exported.ts";
import { mapModel } from "../../../webview/model/map.ts";
import { textModel } from "../../../webview/model/text.ts";
import type { PanelState } from "../../../src/protocol/panel.ts";
import { withChecks } from "./sample-checks.ts";
import { sampleReport } from "./sample-report.ts";

const BLOCKS = 130_000;
const PASSAGES = 130_000;
const SAMPLES = 130_000;
const POINTS = 5_000;
const PLACES = 20_000;

/** The page without its code, which names the sentence that is looked for. */
const CODE = { script: "", style: "" };

/** A valid report with far more of everything than an argument list may hold. */
function hugeReport(): Report {
  const report = withChecks(sampleReport({ repetitions: 2 }));
  const { block } = report.model.architecture;
  const characters = BLOCKS * 100;
  const blockRanges = Array.from({ length: BLOCKS }, (_, i): [number, number] => [i * 100, (i + 1) * 100]);
  const samples = Array.from({ length: SAMPLES }, (_, i) => 1000 + (i % 7));
  const passage = report.importance!.passages[0]!;
  const place = report.swaps!.places[0]!;
  for (const data of Object.values(report.variants)) {
    data.totals.prefillSamples = samples;
    data.layers.forEach((layer) => (layer.prefill.samples = samples.slice(0, 5000)));
  }
  report.swaps!.results.at(-1)!.samples = samples;
  const timed = { prefillMs: 1000, prefillSamples: samples.slice(0, 20), kvBytes: 2 ** 20 };
  return {
    ...report,
    document: {
      ...report.document,
      tokens: BLOCKS * block,
      totalTokens: BLOCKS * block,
      characters,
      blockRanges,
    },
    selection: {
      ...report.selection!,
      oracles: report.selection!.oracles.map((oracle) => ({
        ...oracle,
        queries: oracle.queries.map((query) => ({
          ...query,
          heads: query.heads.map(({ blocks, scores }) => ({ blocks: [...blocks], scores: [...scores] })),
        })),
        timesSelected: blockRanges.map((_, i) => i % 9),
      })),
    },
    importance: {
      ...report.importance!,
      ranges: blockRanges.map(([start, end], i) => ({
        start,
        end,
        weight: (i % 11) / 10,
        score: 0.01,
        average: 0.005,
        selectedBy: i % 3,
      })),
      layers: [],
      passages: Array.from({ length: PASSAGES }, () => passage),
    },
    swaps: { ...report.swaps!, places: Array.from({ length: PLACES }, () => place) },
    sweep: {
      method: "made up",
      points: Array.from({ length: POINTS }, (_, i) => ({
        tokens: i + 1,
        repeated: false,
        variants: { hysparse: timed, full: timed, "hybrid-swa": timed },
      })),
    },
  };
}

describe("a huge but valid report", () => {
  const report = hugeReport();
  const text = `${"words ".repeat(33)}.\n`.repeat(report.document.characters / 200);

  /** Seconds of processor time: other programs of the machine do not count. */
  const seconds = (work: () => unknown): number => {
    const from = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(from);
    return (user + system) / 1e6;
  };

  it("has no contradictions", () => {
    assert.deepEqual(inconsistencies(report).slice(0, 3), []);
  });

  const exports: Readonly<Record<string, () => unknown>> = {
    JSON: () => serialize(report),
    "JSON in one line, and reading it": () => readReport(serializeLine(report), "a"),
    CSV: () => toCsv(report),
    trace: () => traceText(report),
    "HTML without the text": () => assert.ok(!renderHtml(report, CODE).includes("could not be drawn")),
    "HTML with the text": () => assert.ok(!renderHtml(report, CODE, text).includes("could not be drawn")),
    "the panel's models": () => {
      const state = { report, source: "file", document: "unknown" } as unknown as PanelState;
      for (const model of [headlineModel, mapModel, textModel, curvesModel]) model(state);
    },
    "the page's models, with the text": () => {
      const state = exportedState(report, text);
      for (const model of [headlineModel, mapModel, checksModel, curvesModel]) model(state);
      assert.ok(textModel(state)!.segments!.length > 1000);
    },
  };
  for (const [name, work] of Object.entries(exports)) {
    it(`${name}: in seconds`, () => {
      const took = seconds(work);
      assert.ok(took < 20, `it took ${took.toFixed(1)} s of processor time`);
    });
  }
});
