import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { readReport } from "../../../src/report/json.ts";
import { renderHtml } from "../../../src/report/html.ts";
import { level, LEVELS } from "../../../src/report/page/document.ts";
import { withChecks } from "./sample-checks.ts";
import { sampleReport, SAMPLE_TEXT } from "./sample-report.ts";
import { withSweep } from "./sample-sweep.ts";

/** The contents of every script or style element, as a browser would cut them out. */
function elements(page: string, name: string): { attributes: string; content: string }[] {
  return [...page.matchAll(new RegExp(`<${name}([^>]*)>(.*?)</${name}`, "gis"))].map(([, attributes, content]) => ({
    attributes: attributes!,
    content: content!,
  }));
}

/** What a reader sees of the shaded text, without gutter. */
function shownText(page: string): string {
  const region = /<div\s[^>]*id="text"[^>]*>(.*?)<div id="tip"/s.exec(page)?.[1] ?? "";
  const entities: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'", "#13": "\r" };
  return [...region.matchAll(/<span[^>]*data-b[^>]*>(.*?)<\/span>/gs)]
    .map(([, text]) => text!.replace(/&(amp|lt|gt|quot|#39|#13);/g, (_, name: string) => entities[name]!))
    .join("");
}

describe("HTML report", () => {
  const page = renderHtml(sampleReport(), SAMPLE_TEXT);

  it("reaches for nothing outside itself", () => {
    assert.doesNotMatch(page, /<(?:link|iframe|object|embed|base|img)\b/i);
    const markup = page.replace(/<(script|style)\b.*?<\/\1>/gis, "");
    assert.doesNotMatch(markup, /\bsrc=|href="(?!#)|url\(/i);
    assert.doesNotMatch(markup, /\son\w+=|\sstyle=/i);
    assert.doesNotMatch(page, /sourceMappingURL/);
  });

  it("allows exactly the scripts and the style that are in it", () => {
    const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page)![1]!.replaceAll("&#39;", "'");
    assert.match(policy, /^default-src 'none';/);
    assert.doesNotMatch(policy, /unsafe|https?:|\*/);
    const code = elements(page, "script").filter(({ attributes }) => !attributes.includes("application/json"));
    assert.equal(code.length, 3);
    for (const { content } of [...code, ...elements(page, "style")]) {
      const hash = createHash("sha256").update(content).digest("base64");
      assert.ok(policy.includes(`'sha256-${hash}'`), content.slice(0, 60));
    }
  });

  it("holds the whole report as data", () => {
    const data = elements(page, "script").find(({ attributes }) => attributes.includes('id="report"'))!;
    assert.deepEqual(readReport(data.content, "page"), sampleReport());
  });

  it("gives every chart a canvas and the tables that say the same", () => {
    for (const phase of ["prefill", "decode"]) {
      for (const variant of ["hysparse", "full", "hybrid-swa"]) assert.ok(page.includes(`id="${phase}-${variant}"`));
    }
    assert.ok(page.includes('id="kv"') && page.includes('id="kv-sum"'));
    assert.equal(page.match(/<table>/g)!.length, 1 + 1 + 2 * (1 + 3) + 2 + 1);
  });

  it("draws a sweep by length, with its tables, where it crosses, and what was left out", () => {
    const report = withSweep(sampleReport(), [1024, 4096, 8192]);
    report.sweep!.points.push({ tokens: 65536, repeated: true, variants: {}, skipped: "it needs <9 GiB>" });
    const swept = renderHtml(report, SAMPLE_TEXT);
    for (const id of ["length-prefill", "length-decode", "length-kv"]) assert.ok(swept.includes(`id="${id}"`), id);
    assert.equal(swept.match(/<table>/g)!.length, page.match(/<table>/g)!.length + 3);
    assert.ok(swept.includes("Below about 5,800 tokens the prefill of full attention is faster"));
    assert.ok(swept.includes("65,536 tokens: not run, it needs &lt;9 GiB&gt;."));
    assert.ok(swept.includes("its tokens were repeated: 4,096, 8,192."));
    const data = elements(swept, "script").find(({ attributes }) => attributes.includes('id="page-data"'))!;
    const { charts } = JSON.parse(data.content) as { charts: { curves: { tokens: number[]; texts: string[][] }[] } };
    assert.equal(charts.curves.length, 3);
    for (const { tokens, texts } of charts.curves) {
      assert.deepEqual(tokens, [1024, 4096, 8192]);
      assert.deepEqual(
        texts.map((lines) => lines.length),
        [3, 3, 3],
      );
    }
    assert.ok(!page.includes("Other context lengths"));
  });

  it("draws no curve through one length", () => {
    const swept = renderHtml(withSweep(sampleReport(), [1024]), SAMPLE_TEXT);
    assert.ok(swept.includes("Other context lengths") && !swept.includes('id="length-prefill"'));
  });

  it("shows what the selection is worth, with charts, tables and links into the text", () => {
    const checked = renderHtml(withChecks(sampleReport()), SAMPLE_TEXT);
    assert.ok(checked.includes("<h2>Does the selection matter?</h2>"));
    assert.ok(checked.includes("is worth 0.8 % (0.5 to 1.1) over random blocks"));
    for (const id of ["coverage-hysparse", "coverage-full"]) assert.ok(checked.includes(`<canvas id="${id}"`), id);
    assert.equal(checked.match(/<table>/g)!.length, page.match(/<table>/g)!.length + 1 + 2 * 2);
    assert.match(checked, /<a href="#b7" data-go="7">lines \d+-\d+<\/a> <span class="facts">31\.4 bits more/);
    assert.ok(!page.includes("Does the selection matter?"));
  });

  it("names the places of a swap without links where there is no text, and shows no text of its own accord", () => {
    const checked = renderHtml(withChecks(sampleReport()));
    assert.match(checked, /<b>lines \d+-\d+<\/b> <span class="facts">31\.4 bits more/);
    assert.doesNotMatch(checked, /data-go=/);
  });

  it("says how the KV cache grows, where it ends and what that counts", () => {
    assert.match(page, /Growth of the KV cache.*about 6,200,000 tokens.*upper bound/s);
  });

  it("shows the whole text, whatever its lines and blocks", () => {
    assert.equal(shownText(page), SAMPLE_TEXT.replaceAll("\n", ""));
    assert.ok(page.includes('id="b0"') && page.includes('id="b62"'));
    assert.ok(page.includes('data-n="40"'));
  });

  it("cannot be broken by what a document says", () => {
    const text = `</script><script>alert(1)</script>\r\n<!-- <b>&amp; "quoted" 'too'\n]]> \u2028 \u{1f600} ${"x".repeat(300)}`;
    const report = sampleReport({ text, tokens: 700 });
    report.document.name = '<img src=x onerror="alert(2)">';
    report.document.text = text;
    report.warnings.push("</main><script>alert(3)</script>");
    const evil = renderHtml(report, text);
    assert.equal(shownText(evil), text.replaceAll(/\r?\n/g, ""));
    assert.doesNotMatch(evil, /<img|<script>alert/);
    assert.equal(elements(evil, "script").length, 5);
    const data = elements(evil, "script").find(({ attributes }) => attributes.includes('id="report"'))!;
    assert.deepEqual(readReport(data.content, "page"), report);
  });

  it("shows no importance on synthetic weights and says why", () => {
    const synthetic = renderHtml(sampleReport({ synthetic: true }), SAMPLE_TEXT);
    assert.match(synthetic, /These weights are synthetic/);
    assert.doesNotMatch(synthetic, /most wanted|id="text"/);
  });

  it("names places only when it has no text", () => {
    const bare = renderHtml(sampleReport());
    assert.match(bare, /text is not part of this report/);
    assert.match(bare, /<b>lines \d/);
    assert.doesNotMatch(bare, /id="text"|href="#b/);
  });

  it("puts warnings and the cut above everything, each once", () => {
    const report = sampleReport();
    report.document.truncated = true;
    report.document.truncation = "Only the first 3986 tokens were profiled.";
    report.warnings.push(report.document.truncation, "Beware.");
    const warned = renderHtml(report, SAMPLE_TEXT);
    assert.equal(warned.match(/<li>Only the first 3986/g)!.length, 1);
    assert.ok(warned.indexOf("Beware.") < warned.indexOf("HySparse needs"));
  });

  it("leaves decode charts out when nothing was decoded", () => {
    assert.doesNotMatch(renderHtml(sampleReport({ decodeTokens: 0 })), /decode-full|Decode time/);
  });

  it("shades by steps: none for no weight, the last for the highest", () => {
    assert.deepEqual([0, 0.001, 0.5, 1].map(level), [0, 1, LEVELS / 2, LEVELS]);
  });
});
