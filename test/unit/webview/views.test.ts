import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { aboutModel } from "../../../webview/model/about.ts";
import { checksModel } from "../../../webview/model/checks.ts";
import { comparisonModel } from "../../../webview/model/comparison.ts";
import { curvesModel } from "../../../webview/model/curves.ts";
import { headlineModel } from "../../../webview/model/headline.ts";
import { jobModel } from "../../../webview/model/job.ts";
import { kvModel } from "../../../webview/model/kv.ts";
import { latencyModel } from "../../../webview/model/latency.ts";
import { mapModel } from "../../../webview/model/map.ts";
import { textModel } from "../../../webview/model/text.ts";
import { pageHtml } from "../../../webview/page.ts";
import { restoreUi } from "../../../webview/ui-state.ts";
import { baselineOf, sampleState, stateOf, withSweep } from "../../panel/states.ts";
import { withChecks } from "../report/sample-checks.ts";
import { sampleReport } from "../report/sample-report.ts";

const UI = restoreUi(undefined);

describe("the headline", () => {
  it("sets the finding's first sentence apart", () => {
    const model = headlineModel(sampleState());
    assert.match(model?.lead ?? "", /^HySparse uses [^.]* of full attention's KV memory .*\)\.$/);
    assert.doesNotMatch(model?.lead ?? "", /[.] [A-Z]/);
    assert.ok((model?.more.length ?? 0) >= 2);
  });

  it("begins with the warning where nothing is sparse", () => {
    assert.match(
      headlineModel(sampleState({ report: sampleReport({ tokens: 500 }) }))?.lead ?? "",
      /^Nothing is sparse here/,
    );
  });

  it("says once that the document was cut", () => {
    const report = sampleReport();
    const cut = "Only the first 3,986 of 9,000 tokens were profiled.";
    report.document.truncated = true;
    report.document.truncation = cut;
    report.warnings.push(cut);
    assert.deepEqual(headlineModel(sampleState({ report }))?.warnings, [cut]);
  });

  it("prints ranges with the unit once, and none for a single run", () => {
    const figures = headlineModel(sampleState())?.rows[0]?.figures;
    assert.match(figures?.[0]?.range ?? "", /^[\d.]+ - [\d.]+ s$/);
    const once = headlineModel(sampleState({ report: sampleReport({ repetitions: 1 }) }))?.rows[0]?.figures;
    assert.equal(once?.[0]?.range, undefined);
  });

  it("is absent before anything was profiled", () => {
    assert.equal(headlineModel(stateOf()), undefined);
  });
});

describe("a page that nobody hosts", () => {
  const state = sampleState({ source: "page", document: "unknown" });

  it("offers no commands, and says nothing of where the report was measured", () => {
    const model = headlineModel(state);
    assert.equal(model?.actions, undefined);
    assert.match(model?.device ?? "", /2026-11-22 01:05( UTC)?\.$/);
    assert.ok(headlineModel(sampleState())?.actions);
    assert.equal(curvesModel(state), undefined);
  });

  it("says how to repeat it in what its reader may have", () => {
    const repeats = aboutModel(state)?.repeats.map(({ text }) => text);
    assert.equal(repeats?.length, 2);
    assert.match(repeats[0]!, /^npm run profile -- /);
    assert.match(repeats[1]!, /^HySparse: Profile Document/);
    const [only, ...more] = aboutModel(sampleState())?.repeats ?? [];
    assert.deepEqual([only?.text, more], [repeats[1], []]);
  });

  it("leads to places where it has the text", () => {
    const { text, ...bare } = state;
    assert.ok(text);
    for (const model of [textModel, mapModel]) {
      assert.equal(model(state)?.unlinked, undefined);
      assert.match(model(bare)?.unlinked ?? "", /does not include the document's text/);
    }
    assert.match(mapModel(state)?.hint ?? "", /to show it in the text\.$/);
    assert.equal(headlineModel(bare)?.note, undefined);
  });
});

describe("latency", () => {
  it("stacks stages up to the layers' sum and shows what is left as outside the layers", () => {
    const report = sampleReport();
    const model = latencyModel(sampleState({ report }), UI);
    assert.ok(model);
    const bar = model.totals.series.reduce((sum, { values }) => sum + (values[0] ?? 0), 0);
    const total = (report.variants.hysparse?.totals.prefillMs ?? 0) / 1000;
    assert.ok(bar >= total - 1e-9 && bar < total * 1.05, `${bar} for ${total}`);
    assert.equal(model.totals.axis, "seconds");
  });

  it("draws every variant's layers on one scale", () => {
    const model = latencyModel(sampleState(), UI);
    assert.equal(new Set(model?.layers.map(({ top }) => top)).size, 1);
    assert.deepEqual(
      model?.layers.map(({ caption }) => caption),
      ["HySparse", "Full attention", "Hybrid SWA"],
    );
  });

  it("falls back to prefill where nothing was decoded", () => {
    const report = sampleReport({ decodeTokens: 0 });
    const model = latencyModel(sampleState({ report }), { ...UI, phase: "decode" });
    assert.equal(model?.phase, "prefill");
    assert.deepEqual(model.phases, ["prefill"]);
  });
});

describe("KV memory", () => {
  it("holds allocated beside formula, growth and the length at which memory is full", () => {
    const model = kvModel(sampleState());
    assert.deepEqual(model?.ledger.table.rows[0]?.slice(0, 3), ["HySparse", "16.7 MiB", "same"]);
    assert.equal(model.ledger.table.rows[0][3], "3.91 MiB");
    assert.match(model.ledger.table.rows[0][4] ?? "", /^[1-9],\d00,000$/);
  });

  it("names owner, borrower and window of each layer", () => {
    const [hysparse, , hybrid] = kvModel(sampleState())?.tables ?? [];
    assert.deepEqual(hysparse?.table.rows[0]?.slice(0, 3), ["0", "owner", "own cache"]);
    assert.deepEqual(hysparse.table.rows[5]?.slice(0, 3), ["5", "borrower", "blocks of layer 4, own window"]);
    assert.equal(hybrid?.table.rows[5]?.[1], "window only");
  });

  it("draws no bar in another role's series, so that a least length cannot show one", () => {
    const [chart] = kvModel(sampleState())?.charts ?? [];
    const borrower = chart?.series.find(({ name }) => name === "borrower");
    assert.equal(borrower?.values[0], null);
    assert.ok((borrower.values[1] ?? 0) > 0);
  });
});

describe("curves", () => {
  it("offers a sweep where none was run", () => {
    const model = curvesModel(sampleState());
    assert.equal(model?.curves, undefined);
    assert.equal(model?.busy, false);
  });

  it("draws measured lengths, marks where HySparse overtakes, and says what was left out", () => {
    const model = curvesModel(sampleState({ report: withSweep(sampleReport()) }));
    const [prefill] = model?.curves ?? [];
    assert.deepEqual(prefill?.tokens, [512, 1024, 2048, 4096, 8192, 16384]);
    assert.ok(prefill.crossing && prefill.crossing.from < prefill.crossing.to);
    assert.ok(model?.notes.some((note) => note.includes("32,768 tokens") && note.includes("21.4 GiB")));
    assert.equal(model?.curves?.find(({ id }) => id === "curve-kv")?.crossing, undefined);
  });
});

describe("checks of the selection", () => {
  const report = withChecks(sampleReport());

  it("is absent where nothing of it was measured", () => {
    assert.equal(checksModel(sampleState()), undefined);
    assert.equal(checksModel(stateOf()), undefined);
  });

  it("begins with what the selection is worth against random blocks, and links places to the text", () => {
    const model = checksModel(sampleState({ report }));
    assert.match(model?.message ?? "", /saves 0\.8 % .* compared with random blocks .*\.$/);
    assert.equal(model?.more.length, 4);
    assert.equal(model.unlinked, undefined);
    const [place] = model.swaps?.places ?? [];
    assert.deepEqual([place?.start, place?.end], report.document.blockRanges[7]);
    assert.ok((place?.words?.length ?? 0) > 20);
  });

  it("has a chart and two tables for each run, with the caveat where one is needed", () => {
    const { coverage } = checksModel(sampleState({ report })) ?? {};
    assert.deepEqual(
      coverage?.runs.map(({ chart }) => chart.id),
      ["coverage-hysparse", "coverage-full"],
    );
    assert.equal(coverage.tables.length, 4);
    assert.match(coverage.runs[1]?.sentences[0] ?? "", /Not representative of a model trained this way/);
  });

  it("shows one half where only that was measured, and why places cannot be opened", () => {
    const { swaps, ...coverageOnly } = report;
    const half = checksModel(sampleState({ report: coverageOnly, document: "unknown" }));
    assert.equal(half?.swaps, undefined);
    assert.match(half?.message ?? "", /^How much of what each layer looks at/);
    assert.match(half?.unlinked ?? "", /not open in this window/);
    const { fidelity, ...swapsOnly } = report;
    assert.ok(swaps && fidelity);
    assert.equal(checksModel(sampleState({ report: swapsOnly }))?.coverage, undefined);
  });
});

describe("comparison", () => {
  it("takes its verdict from the report's own comparison", () => {
    const report = sampleReport();
    const model = comparisonModel(sampleState({ report, baseline: { name: "old.json", report: baselineOf(report) } }));
    assert.match(model?.headline ?? "", /prefills 1\.30x faster \(95 % CI/);
    assert.equal(comparisonModel(sampleState()), undefined);
  });
});

describe("a job", () => {
  it("is a share of the whole where one is known", () => {
    const progress = { kind: "progress", phase: "decode", variant: "hysparse", done: 1, total: 4 } as const;
    assert.deepEqual(jobModel({ title: "T", progress, stopping: false }), {
      title: "T",
      step: "HySparse: decode, 25 %",
      share: 0.25,
      stopping: false,
    });
    assert.equal(
      jobModel({ title: "T", progress: { kind: "phase", text: "loading" }, stopping: false }).share,
      undefined,
    );
    assert.match(jobModel({ title: "T", progress, stopping: true }).step, /^Stopping/);
  });
});

describe("what a reader set", () => {
  it("is restored, or fresh where it is of another form", () => {
    const kept = { phase: "decode", open: ["memory-tables"], scroll: 120, textScroll: 3 };
    // Pages of 0.7.0 and older knew no measure of an oracle map.
    assert.deepEqual(restoreUi(kept), { ...kept, measure: "rest" });
    assert.equal(restoreUi({ ...kept, measure: "mass" }).measure, "mass");
    assert.equal(restoreUi({ ...kept, extra: 1 }).phase, "prefill");
    assert.equal(restoreUi(null).phase, "prefill");
  });
});

describe("the page", () => {
  it("lets in one script and one style sheet, escaped, and nothing inline", () => {
    const html = pageHtml({
      nonce: "abc123",
      cspSource: "https://*.x",
      scriptUri: 'https://x/a?b"c&d',
      styleUri: "https://x/p.css",
    });
    assert.match(html, /default-src 'none'; script-src 'nonce-abc123'; style-src https:\/\/\*\.x 'nonce-abc123'; /);
    assert.match(html, /src="https:\/\/x\/a\?b&quot;c&amp;d"/);
    assert.doesNotMatch(html, /style="|unsafe|eval|<style/);
  });
});
