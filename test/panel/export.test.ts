import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, describe, it } from "node:test";
import { z } from "zod";
import { packageFile } from "../../src/model/package-root.ts";
import type { Report } from "../../src/protocol/report.ts";
import { readReport } from "../../src/report/json.ts";
import { renderHtml } from "../../webview/export.ts";
import { withChecks } from "../unit/report/sample-checks.ts";
import { withMap } from "../unit/report/sample-map.ts";
import { sampleReport, SAMPLE_TEXT } from "../unit/report/sample-report.ts";
import { chromiumPath, Preview, type PanelPage, type ReaderOptions } from "./preview.ts";
import { withCounts, withSweep } from "./states.ts";

const browser = chromiumPath();
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const ALL = ["headline", "latency", "memory", "selection", "text", "checks", "oracleMap", "lengths", "about"];
const FULL = withMap(withChecks(withSweep(withCounts(sampleReport()))));

const HOSTILE = [
  "</script><script>window.broken = 1</script>",
  "</noscript></main><img src=x onerror='window.broken = 2'>",
  '<!-- <script> &amp; "quoted" \u2028 \u202e turned \u{1f600} ]]>',
  "",
  "\tlast\rline",
].join("\r\n");

/** What an expression says of each element `one` that a selector finds. */
async function ofEach({ page }: PanelPage, selector: string, expression: string): Promise<unknown[]> {
  const script = `[...document.querySelectorAll(${JSON.stringify(selector)})].map((one) => ${expression})`;
  return z.array(z.unknown()).parse(await page.evaluate(script));
}

/** The sections that are shown. */
async function sections(panel: PanelPage): Promise<unknown[]> {
  return ofEach(panel, "main > section:not([hidden])", "one.id");
}

describe(
  "the exported page in a browser",
  { skip: browser === undefined ? "no Chromium on this machine" : false },
  () => {
    let preview: Preview;

    before(async () => {
      assert.ok(browser);
      preview = await Preview.start(browser);
    });
    after(async () => preview.stop());

    /** Opens a page from the disk; afterwards it must not have complained, nor asked for anything but itself. */
    async function reading(
      report: Report,
      text: string | undefined,
      options: ReaderOptions,
      story: (panel: PanelPage) => Promise<void>,
    ): Promise<void> {
      const panel = await preview.read(renderHtml(report, preview.code, text), options);
      try {
        await story(panel);
        assert.deepEqual(panel.errors, []);
        assert.deepEqual(panel.asked.slice(1), []);
        if (options.javaScriptEnabled !== false) assert.deepEqual(await panel.violations(), []);
      } finally {
        await panel.close();
      }
    }

    const LOOKS: Readonly<Record<string, ReaderOptions>> = {
      light: {},
      dark: { colorScheme: "dark" },
      "forced colours": { forcedColors: "active" },
      "forced colours on black": { forcedColors: "active", colorScheme: "dark" },
    };
    for (const [name, options] of Object.entries(LOOKS)) {
      it(`shows every section and breaks no rule of accessibility: ${name}`, async () => {
        await reading(FULL, SAMPLE_TEXT, options, async (panel) => {
          const { page } = panel;
          assert.deepEqual(await sections(panel), ALL);
          assert.match((await page.locator(".headline").textContent()) ?? "", /^HySparse uses .* KV memory/);
          for (const summary of await page.locator("summary").all()) await summary.click();
          await page.evaluate(AXE);
          const broken: unknown = await page.evaluate(
            `axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) =>
            violations.map(({ id, nodes }) => id + ": " + nodes.map(({ html }) => html).join(" ")))`,
          );
          assert.deepEqual(broken, []);
          assert.equal(await page.locator(".failed").count(), 0);
        });
      });
    }

    it("offers nothing that needs an editor", async () => {
      await reading(FULL, SAMPLE_TEXT, {}, async ({ page }) => {
        assert.equal(await page.locator("vscode-button:visible").count(), 0);
        for (const place of ["#headline", "#lengths", ".map .reading", "#text .reading"]) {
          assert.doesNotMatch((await page.locator(place).textContent()) ?? "", /editor|Profile Again|Export|Compare/);
        }
      });
    });

    it("leads from a place to the text in the page, and marks it there", async () => {
      await reading(FULL, SAMPLE_TEXT, { height: 700 }, async ({ page }) => {
        for (const link of [
          page.locator("#text .passages button").first(),
          page.locator("#checks .passages button").first(),
        ]) {
          await link.click();
          const marked = page.locator("#document-text .on").first();
          await marked.waitFor();
          assert.ok(await marked.isVisible());
          const box = await marked.boundingBox();
          assert.ok(box && box.y > 0 && box.y < 700, JSON.stringify(box));
          assert.equal(await page.evaluate("document.activeElement.id"), "document-text");
          assert.match((await page.locator("#text .reading").textContent()) ?? "", /^Block \d+, lines? \d/);
        }
        // The block that the second link named, by its number.
        assert.equal(await page.locator("#document-text .on").first().getAttribute("data-block"), "7");
        await page.locator("#selection-map").focus();
        for (const key of ["ArrowRight", "ArrowRight", "Enter"]) await page.keyboard.press(key);
        assert.equal(await page.locator("#document-text .on").first().getAttribute("data-block"), "1");
      });
    });

    it("names places only where it has no text", async () => {
      await reading(FULL, undefined, {}, async ({ page }) => {
        assert.match((await page.locator("#text").textContent()) ?? "", /does not include the document's text/);
        assert.equal(await page.locator("#document-text").count(), 0);
        assert.equal(await page.locator(".passages button").first().getAttribute("aria-disabled"), "true");
      });
    });

    for (const [name, text] of [
      ["the sample's", SAMPLE_TEXT],
      ["hostile", HOSTILE],
    ] as const) {
      it(`shows the whole text, character by character, and obeys none of it: ${name}`, async () => {
        const report = sampleReport({ text, tokens: 700 });
        report.document.name = '<img src=x onerror="window.broken = 3">';
        report.warnings.push("</main></noscript><script>window.broken = 4</script>");
        await reading(report, text, {}, async (panel) => {
          const { page } = panel;
          const lines = await ofEach(panel, "#document-text .line", "one.textContent");
          assert.deepEqual(lines, text.split(/\r\n|\r|\n/));
          const numbers = await ofEach(panel, "#document-text .line", "one.dataset.number");
          assert.deepEqual(
            numbers,
            lines.map((_, i) => String(i + 1)),
          );
          assert.equal(await page.evaluate("window.broken"), undefined);
          assert.equal(await page.locator("img, main script").count(), 0);
          assert.match(
            (await page.locator("#headline").textContent()) ?? "",
            /<img src=x.*<script>window\.broken = 4/s,
          );
          assert.match(await page.title(), /^<img src=x/);
        });
      });
    }

    it("is worked by keyboard and remembers the phase while it is open", async () => {
      await reading(FULL, SAMPLE_TEXT, {}, async ({ page }) => {
        const chart = page.locator("#latency-hysparse");
        await chart.focus();
        for (const key of ["ArrowRight", "ArrowRight"]) await page.keyboard.press(key);
        const said = page.locator("#latency figure", { has: chart }).locator("[aria-live]");
        assert.match((await said.textContent()) ?? "", /^Layer 1, sparse, median .* share of the limit \d+ % \(/);
        await page.getByRole("radio", { name: /^Decode/ }).check({ force: true });
        assert.match((await page.locator("#latency .message").textContent()) ?? "", /^Per output token/);
      });
    });

    it("changes its colours with the system, charts too", async () => {
      await reading(FULL, SAMPLE_TEXT, {}, async ({ page }) => {
        const pixels = async (): Promise<string> =>
          z.string().parse(await page.evaluate("document.getElementById('latency-totals').toDataURL()"));
        const seen = [await pixels()];
        for (const media of [{ colorScheme: "dark" }, { forcedColors: "active" }] as const) {
          await page.emulateMedia(media);
          await page.waitForTimeout(200);
          const now = await pixels();
          assert.ok(!seen.includes(now), JSON.stringify(media));
          seen.push(now);
        }
      });
    });

    it("prints every chart and the whole text, dark on white", async () => {
      await reading(FULL, SAMPLE_TEXT, { colorScheme: "dark" }, async (panel) => {
        const { page } = panel;
        await page.evaluate("window.dispatchEvent(new Event('beforeprint'))");
        assert.deepEqual(
          await ofEach(panel, "figure canvas", "one.toDataURL().length < 2000 && one.id"),
          await ofEach(panel, "figure canvas", "false"),
        );
        assert.equal(await page.evaluate("getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)");
        await page.emulateMedia({ media: "print" });
        assert.deepEqual(await ofEach(panel, "#document-text", "one.scrollHeight - one.clientHeight"), [0]);
        assert.ok(await page.locator(".contents").isHidden());
        await page.evaluate("window.dispatchEvent(new Event('afterprint'))");
        await page.emulateMedia({ media: "screen" });
        assert.notEqual(await page.evaluate("getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)");
      });
    });

    it("has its tables where scripts do not run", async () => {
      await reading(FULL, SAMPLE_TEXT, { javaScriptEnabled: false }, async ({ page }) => {
        const captions = await page.locator("caption").allTextContents();
        assert.ok(captions.length > 20 && captions.includes("All layers in one table"), captions.join());
        assert.ok(await page.locator("table").last().isVisible());
        assert.ok(await page.locator("#panel").isHidden());
      });
    });

    for (const javaScriptEnabled of [true, false]) {
      it(`fits 400 pixels${javaScriptEnabled ? "" : " without scripts"}: nothing but tables scrolls sideways`, async () => {
        await reading(FULL, SAMPLE_TEXT, { width: 400, javaScriptEnabled }, async (panel) => {
          const { page } = panel;
          if (javaScriptEnabled) for (const summary of await page.locator("summary").all()) await summary.click();
          assert.deepEqual(await ofEach(panel, "html", "one.scrollWidth"), [400]);
          assert.ok((await ofEach(panel, "section", "one.id")).length >= ALL.length);
        });
      });
    }

    it("opens a report of version 0.4.0", async () => {
      const name = "test/fixtures/report-0.4.0.hysparse.json";
      const report = readReport(readFileSync(packageFile(name), "utf8"), name);
      await reading(report, report.document.text, {}, async (panel) => {
        const shown = await sections(panel);
        assert.ok(
          ALL.filter((id) => id !== "checks" && id !== "oracleMap").every((id) => shown.includes(id)),
          String(shown),
        );
        assert.equal(await panel.page.locator(".failed").count(), 0);
      });
    });

    it("says so where its data was damaged", async () => {
      const html = renderHtml(FULL, preview.code, SAMPLE_TEXT).replace('"schemaVersion":1', '"schemaVersion":7');
      const panel = await preview.read(html, {});
      assert.match(
        (await panel.page.getByRole("alert").textContent()) ?? "",
        /Cannot read the report in this page \(state\.report/,
      );
      assert.equal(await panel.page.getByRole("button", { name: "Show Log" }).count(), 0);
      await panel.close();
    });
  },
);
