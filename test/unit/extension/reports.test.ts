import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { serialize } from "node:v8";
import { EXPORT_FORMATS, fileName, isExportFormat, withText } from "../../../src/extension/export-formats.ts";
import { failurePage, REOPEN_AS_TEXT } from "../../../src/extension/pages/failure-page.ts";
import { ReportView, textOf } from "../../../src/extension/report-view.ts";
import { panelState } from "../../../src/extension/session.ts";
import { readIndex } from "../../../src/extension/stored-index.ts";
import { MOST_TABLE_BYTES, readTable, tableBytes } from "../../../src/extension/stored-table.ts";
import { panelStateSchema } from "../../../src/protocol/panel.ts";
import type { SelectionTable } from "../../../src/protocol/selection-table.ts";
import { withChecks } from "../report/sample-checks.ts";
import { SAMPLE_TEXT, sampleReport } from "../report/sample-report.ts";

const report = sampleReport();

function tableFor({ document }: typeof report): SelectionTable {
  const { tokens } = document;
  const size = tokens * 2 * 8;
  return {
    tokens,
    block: 64,
    window: 128,
    tokenStarts: Uint32Array.from({ length: tokens + 1 }, (_, i) => i),
    oracles: [
      {
        layer: 0,
        feeds: [1, 2, 3],
        kvHeads: 2,
        slots: 8,
        blocks: new Uint16Array(size).fill(5),
        scores: new Uint16Array(size),
      },
    ],
  };
}

describe("export", () => {
  it("names the file after the document", () => {
    const named = (name: string): string => fileName({ ...report, document: { ...report.document, name } }, "json");
    assert.equal(named("notes/design-note.md"), "design-note.hysparse.json");
    assert.equal(named("a.md, lines 3-9"), "a-lines-3-9.hysparse.json");
    assert.equal(named(".md"), "profile.hysparse.json");
    assert.equal(named("日本語.txt"), "日本語.hysparse.json");
  });

  it("knows its formats", () => {
    assert.ok(isExportFormat("trace"));
    assert.ok(!isExportFormat("toString"));
    assert.equal(new Set(Object.values(EXPORT_FORMATS).map(({ ending }) => ending)).size, 4);
  });

  it("puts the text in only when given, and takes every piece of it out otherwise", () => {
    const full = withText(withChecks(report), SAMPLE_TEXT);
    assert.equal(full.document.text, SAMPLE_TEXT);
    const bare = JSON.stringify(withText(full, undefined));
    for (const places of [full.importance!.passages, full.swaps!.places]) {
      const [place] = places;
      assert.equal(place!.text, SAMPLE_TEXT.slice(place!.start, place!.end));
      assert.ok(!bare.includes(JSON.stringify(place!.text).slice(1, -1)));
    }
    assert.equal(withText(full, undefined).document.text, undefined);
  });
});

describe("what is kept across a reload", () => {
  it("a selection comes back as it was", () => {
    const table = tableFor(report);
    assert.deepEqual(readTable(tableBytes(table)!, report), table);
  });

  it("a selection of another report, or damaged bytes, do not", () => {
    const table = tableFor(report);
    const bytes = tableBytes(table)!;
    assert.equal(readTable(bytes.subarray(0, bytes.length - 9), report), undefined);
    assert.equal(readTable(serialize({ ...table, tokens: 3 }), report), undefined);
    assert.equal(readTable(serialize({ ...table, tokenStarts: table.tokenStarts.slice(1) }), report), undefined);
    assert.equal(readTable(serialize({ hello: 1 }), report), undefined);
    assert.equal(readTable(bytes, sampleReport({ tokens: 700 })), undefined);
  });

  it("a table that is too large is not kept", () => {
    const table = tableFor(report);
    const [oracle] = table.oracles;
    const blocks = new Uint16Array(MOST_TABLE_BYTES / 2 + 1);
    assert.equal(tableBytes({ ...table, oracles: [{ ...oracle!, blocks }] }), undefined);
  });

  it("an index is read only when all of it makes sense", () => {
    const origin = { uri: "file:///a.md", base: 3, whole: false, length: 9, sha256: "00" };
    const index = { id: "0123456789abcdef", table: true, origin };
    assert.deepEqual(readIndex(index), index);
    for (const wrong of [
      undefined,
      null,
      7,
      {},
      { ...index, id: "../../etc/passwd" },
      { ...index, table: 1 },
      { ...index, origin: { ...origin, base: -1 } },
      { ...index, origin: { ...origin, uri: undefined } },
    ]) {
      assert.equal(readIndex(wrong), undefined);
    }
  });
});

describe("what a page is told", () => {
  const facts = { job: undefined, highlights: true, follow: false, canFollow: false, cursor: undefined, trusted: true };

  it("is what the protocol says, from nothing to everything", () => {
    const view = new ReportView();
    assert.deepEqual(panelStateSchema.parse(panelState(view, facts)).report, undefined);
    view.show({ report, source: "profile", text: SAMPLE_TEXT });
    view.compareWith({ name: "before.hysparse.json", report });
    const state = panelState(view, facts);
    panelStateSchema.parse(state);
    assert.equal(state.report, report);
    assert.equal(state.text, SAMPLE_TEXT);
    assert.equal(state.document, "unknown");
  });

  it("holds the text of the report where the document is not at hand", () => {
    assert.equal(textOf({ report, source: "file" }), undefined);
    assert.equal(textOf({ report: withText(report, SAMPLE_TEXT), source: "file" }), SAMPLE_TEXT);
  });

  it("changes are told once each", () => {
    const view = new ReportView();
    let told = 0;
    view.onDidChange(() => told++);
    view.show({ report, source: "file" });
    view.compareWith({ name: "a", report });
    view.compareWith(undefined);
    assert.equal(told, 3);
  });
});

describe("the page for a file that is no report", () => {
  it("shows the reason as text, runs no script and leads to the file's text", () => {
    const page = failurePage('<img src=x onerror="alert(1)"> is not JSON & more');
    assert.match(page, /default-src 'none'/u);
    assert.ok(page.includes("&lt;img src=x onerror=&quot;alert(1)&quot;&gt; is not JSON &amp; more"));
    assert.ok(page.includes(`command:${REOPEN_AS_TEXT}`));
    assert.doesNotMatch(page, /<script/u);
  });
});
