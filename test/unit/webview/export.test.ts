import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { before, describe, it } from "node:test";
import { pageCode } from "../../../src/build/bundles.ts";
import { packageFile } from "../../../src/model/package-root.ts";
import { toPanelSchema, type PanelState } from "../../../src/protocol/panel.ts";
import type { Report } from "../../../src/protocol/report.ts";
import { readReport } from "../../../src/report/json.ts";
import { renderHtml, type PageCode } from "../../../webview/export.ts";
import { exportedState } from "../../../webview/model/exported.ts";
import { staticSections } from "../../../webview/model/static.ts";
import { withChecks } from "../report/sample-checks.ts";
import { sampleReport, SAMPLE_TEXT } from "../report/sample-report.ts";
import { withSweep } from "../report/sample-sweep.ts";

const LARGEST_SAMPLE = 1_500_000;

/** The contents of every script or style element, as a browser would cut them out. */
function elements(page: string, name: string): { attributes: string; content: string }[] {
  return [...page.matchAll(new RegExp(`<${name}([^>]*)>(.*?)</${name}`, "gis"))].map(([, attributes, content]) => ({
    attributes: attributes!,
    content: content!,
  }));
}

/** The state that lies in a page, validated as the page itself does. */
function stateIn(page: string): PanelState {
  const data = elements(page, "script").find(({ attributes }) => attributes.includes('id="message"'))!;
  const message = toPanelSchema.parse(JSON.parse(data.content));
  assert.ok(message.type === "state");
  return message.state;
}

/** What a reader without scripts gets. */
function staticPart(page: string): string {
  return /<noscript>(.*)<\/noscript>/s.exec(page)![1]!;
}

describe("the exported page", () => {
  let code: PageCode;
  let page: string;
  const render = (report: Report, text?: string): string => renderHtml(report, code, text);

  before(async () => {
    code = await pageCode();
    page = render(sampleReport(), SAMPLE_TEXT);
  });

  it("reaches for nothing outside itself", () => {
    assert.doesNotMatch(page, /<(?:link|iframe|object|embed|base)\b/i);
    const markup = page.replace(/<(script|style)\b.*?<\/\1>/gis, "");
    assert.doesNotMatch(markup, /<img\b|\bsrc=|href=|url\(/i);
    assert.doesNotMatch(markup, /\son\w+=|\sstyle=/i);
    assert.doesNotMatch(code.style, /url\(|@import/i);
    assert.doesNotMatch(page, /sourceMappingURL/);
  });

  it("allows exactly the script and the style that are in it, and the empty style that the toolkit tries out", () => {
    const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page)![1]!;
    assert.match(policy, /^default-src 'none';/);
    assert.doesNotMatch(policy, /unsafe|https?:|data:|\*|nonce/);
    const inline = elements(page, "script").filter(({ attributes }) => !attributes.includes("application/json"));
    const styles = elements(page, "style");
    assert.deepEqual([inline.length, styles.length], [1, 1]);
    const hashes = ["", ...[...inline, ...styles].map(({ content }) => content)].map(
      (content) => `'sha256-${createHash("sha256").update(content).digest("base64")}'`,
    );
    assert.deepEqual(policy.match(/'sha256-[^']*'/g)!.sort(), hashes.sort());
  });

  it("cuts its code out whole, whatever is in it", () => {
    const hostile = { script: 'a = "</script><!-- <script>";', style: '.a::after { content: "</style>"; }' };
    const odd = renderHtml(sampleReport(), hostile, SAMPLE_TEXT);
    const [script] = elements(odd, "script").filter(({ attributes }) => attributes === "");
    assert.equal(script!.content, String.raw`a = "\x3C/script>\x3C!-- <script>";`);
    assert.equal(elements(odd, "style")[0]!.content, String.raw`.a::after { content: "\3C /style>"; }`);
  });

  it("holds the whole report as data, and the text beside it", () => {
    const { report, text } = stateIn(page);
    assert.deepEqual(readReport(JSON.stringify(report), "page"), sampleReport());
    assert.equal(text, SAMPLE_TEXT);
  });

  it("takes the text from the report where it is there, and no text where importance is unknown", () => {
    const report = sampleReport();
    report.document.text = SAMPLE_TEXT;
    assert.equal(stateIn(render(report)).text, SAMPLE_TEXT);
    assert.equal(stateIn(render(sampleReport())).text, undefined);
    assert.equal(stateIn(render(sampleReport({ synthetic: true }), SAMPLE_TEXT)).text, undefined);
  });

  it("cannot be broken by what a document says", () => {
    const text = `</script><script>alert(1)</script>\r\n<!-- <b>&amp; "quoted" 'too'\n]]> \u2028 \0 \ud800 \u{1f600} ${"x".repeat(300)}`;
    const report = withChecks(sampleReport({ text, tokens: 2800 }), text);
    report.document.name = '<img src=x onerror="alert(2)"></noscript></title>';
    report.document.text = text;
    report.warnings.push("</main></noscript><script>alert(3)</script>\0");
    const evil = render(report, text);
    assert.doesNotMatch(evil, /<img|<script>alert|<\/noscript><\/title>|<\/noscript><script/);
    assert.equal(elements(evil, "script").length, 2);
    assert.equal(evil.match(/<\/noscript/g)!.length, 1);
    // A parser would drop or change these.
    assert.doesNotMatch(evil, /[\0\ud800\r]/u);
    assert.deepEqual(readReport(JSON.stringify(stateIn(evil).report), "page"), report);
    assert.equal(stateIn(evil).text, text);
  });

  for (const [name, file] of [
    ["the shipped sample", "media/samples/design-note.hysparse.json"],
    ["a report of version 0.4.0", "test/fixtures/report-0.4.0.hysparse.json"],
  ] as const) {
    it(`stays under 1.5 MB for ${name}, with nothing undrawn`, () => {
      const report = readReport(readFileSync(packageFile(file), "utf8"), file);
      const made = render(report, SAMPLE_TEXT);
      const bytes = Buffer.byteLength(made);
      assert.ok(bytes < LARGEST_SAMPLE, `${bytes} bytes`);
      assert.doesNotMatch(staticPart(made), /could not be drawn/);
      assert.deepEqual(readReport(JSON.stringify(stateIn(made).report), file), report);
    });
  }
});

describe("the exported page without scripts", () => {
  const CODE = { script: "", style: "" };
  const of = (report: Report, text?: string): string => staticPart(renderHtml(report, CODE, text));
  const tables = (report: Report): string[] =>
    staticSections(exportedState(report, SAMPLE_TEXT)).flatMap(({ tables: all }) => all.map(({ caption }) => caption));

  it("has every section of the page, each under its heading", () => {
    const titles = [...of(withSweep(withChecks(sampleReport()), [1024, 4096])).matchAll(/<h2>(.*?)<\/h2>/g)];
    assert.deepEqual(
      titles.map(([, title]) => title),
      [
        "Finding",
        "Time by stage and layer",
        "KV memory",
        "Which blocks the model chose",
        "What it looked for",
        "Does the selection matter?",
        "At other context lengths",
        "What was measured",
      ],
    );
  });

  it("says in tables what the charts show, of both phases and every variant", () => {
    const phases = ["Prefill: reading the document", "Decode: each output token"];
    assert.deepEqual(tables(sampleReport()), [
      "Figures of each variant",
      "Every layer in one table",
      ...phases.flatMap((phase) => [
        `${phase}. All layers together, by stage`,
        ...["HySparse", "Full attention", "Hybrid SWA"].map((variant) => `${phase}. ${variant}, by layer, ms`),
      ]),
      "Keys and values of the context, all layers together",
      ...["HySparse", "Full attention", "Hybrid SWA"].map((variant) => `${variant}: who keeps what`),
      "Blocks chosen for the last token, by KV head",
      "Most wanted passages for the last token",
      "The run",
    ]);
  });

  it("puts warnings and the cut above everything, each once", () => {
    const report = sampleReport();
    report.document.truncated = true;
    report.document.truncation = "Only the first 3986 tokens were profiled.";
    report.warnings.push(report.document.truncation, "Beware.");
    const warned = of(report, SAMPLE_TEXT);
    assert.equal(warned.match(/<p>Only the first 3986/g)!.length, 1);
    assert.ok(warned.indexOf("Beware.") < warned.indexOf("HySparse needs"));
  });

  it("tells a sweep by length, where it crosses, and what was left out", () => {
    const report = withSweep(sampleReport(), [1024, 4096, 8192]);
    report.sweep!.points.push({ tokens: 65536, repeated: true, variants: {}, skipped: "it needs <9 GiB>" });
    const swept = of(report, SAMPLE_TEXT);
    assert.equal(tables(report).length, tables(sampleReport()).length + 3);
    assert.ok(swept.includes("Below about 5,800 tokens the prefill of full attention is faster"));
    assert.ok(swept.includes("65,536 tokens: not run, it needs &lt;9 GiB&gt;."));
    assert.ok(swept.includes("its tokens were repeated: 4,096, 8,192."));
    assert.ok(!of(sampleReport()).includes("At other context lengths"));
  });

  it("says what the selection is worth", () => {
    const checked = of(withChecks(sampleReport()), SAMPLE_TEXT);
    assert.ok(checked.includes("is worth 0.8 % (0.5 to 1.1) over random blocks"));
    assert.equal(tables(withChecks(sampleReport())).length, tables(sampleReport()).length + 2 + 2 * 2);
    assert.match(checked, /<th scope="row" class="words">lines \d+-\d+<\/th><td class="words">31\.4 bits more<\/td>/);
    assert.ok(!of(sampleReport()).includes("Does the selection matter?"));
  });

  it("says how the KV cache grows, where it ends and what that counts", () => {
    assert.match(of(sampleReport()), /Full at about,\ntokens.*>6,200,000<.*upper bound/s);
  });

  it("shows no importance on synthetic weights and without HySparse, and says why", () => {
    const synthetic = of(sampleReport({ synthetic: true }), SAMPLE_TEXT);
    assert.match(synthetic, /These weights are synthetic/);
    assert.doesNotMatch(synthetic, /most wanted/i);
    assert.match(of(sampleReport({ variants: ["full"] })), /HySparse was not among the variants/);
  });

  it("names places only when it has no text", () => {
    const bare = of(sampleReport());
    assert.match(bare, /text is not part of this report/);
    assert.match(bare, /<th scope="row" class="words">lines \d/);
  });

  it("leaves decode out when nothing was decoded", () => {
    assert.doesNotMatch(of(sampleReport({ decodeTokens: 0 })), /Decode:|Each output token/);
  });
});
