import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, describe, it } from "node:test";
import { z } from "zod";
import type { PanelState } from "../../src/protocol/panel.ts";
import type { MissingPart } from "../../src/protocol/partial.ts";
import { asKept } from "../../src/report/partial.ts";
import { withChecks } from "../unit/report/sample-checks.ts";
import { withMap } from "../unit/report/sample-map.ts";
import { partialReport, sampleReport } from "../unit/report/sample-report.ts";
import { chromiumPath, Preview, themes, type PanelPage, type Theme } from "./preview.ts";
import { baselineOf, longState, presetState, sampleState, stateOf, withCounts, withSweep } from "./states.ts";

const browser = chromiumPath();
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const ALL = [
  "headline",
  "latency",
  "memory",
  "selection",
  "text",
  "checks",
  "oracleMap",
  "lengths",
  "comparison",
  "about",
];

/** Everything a panel can show at once. */
function fullState(change: Partial<PanelState> = {}): PanelState {
  const report = withMap(withChecks(withSweep(withCounts(sampleReport()))));
  return sampleState({ report, baseline: { name: "before.hysparse.json", report: baselineOf(report) }, ...change });
}

function themeOf(name: string): Theme {
  const theme = themes.find((one) => one.name === name);
  assert.ok(theme, `no theme ${name}`);
  return theme;
}

const axeSchema = z.array(z.strictObject({ id: z.string(), nodes: z.array(z.string()) }));

/** Rules of axe-core that the page breaks, with the places. */
async function brokenRules({ page }: PanelPage): Promise<z.infer<typeof axeSchema>> {
  await page.evaluate(AXE);
  const found: unknown = await page.evaluate(
    `axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) =>
      violations.map(({ id, nodes }) => ({ id, nodes: nodes.map(({ html }) => html) })))`,
  );
  return axeSchema.parse(found);
}

async function openAll({ page }: PanelPage): Promise<void> {
  for (const summary of await page.locator("summary").all()) await summary.click();
}

/** The colours of a canvas, as far apart as needed to notice a change. */
async function pixels({ page }: PanelPage, id: string): Promise<string> {
  return z.string().parse(await page.evaluate(`document.getElementById(${JSON.stringify(id)}).toDataURL()`));
}

describe("the panel's page", { skip: browser === undefined ? "no Chromium on this machine" : false }, () => {
  let preview: Preview;
  let panel: PanelPage;

  before(async () => {
    assert.ok(browser);
    preview = await Preview.start(browser);
  });
  after(async () => preview.stop());

  async function withPanel(
    options: Parameters<Preview["open"]>[0],
    story: (panel: PanelPage) => Promise<void>,
  ): Promise<void> {
    panel = await preview.open(options);
    try {
      await story(panel);
    } finally {
      await panel.close();
    }
  }

  for (const theme of themes) {
    it(`shows every view without errors, CSP or accessibility violations: ${theme.name}`, async () => {
      await withPanel({ theme, width: 1000 }, async () => {
        const painted = await panel.show(fullState());
        assert.deepEqual(painted.sections, ALL);
        assert.match(painted.headline, /^HySparse uses .* of full attention's KV memory/);
        await openAll(panel);
        assert.deepEqual(await brokenRules(panel), []);
        await panel.show(fullState({ follow: true, cursor: CURSOR }));
        assert.deepEqual(await brokenRules(panel), []);
        assert.deepEqual(await panel.violations(), []);
        assert.deepEqual(panel.errors, []);
      });
    });
  }

  it("says what to do when nothing was profiled, and asks the host for it", async () => {
    await withPanel({}, async () => {
      const painted = await panel.show(stateOf());
      assert.deepEqual(painted.sections, ["welcome"]);
      await panel.page.getByRole("button", { name: "Show Sample Profile" }).click();
      assert.ok(await panel.until((said) => said.type === "command" && said.command === "showSample"));
      assert.deepEqual(await brokenRules(panel), []);
    });
  });

  it("says in its place which section cannot be drawn, and draws the others", async () => {
    await withPanel({}, async () => {
      const state = fullState();
      // The schema accepts it; readReport would not, so only a fault of ours brings such a report here.
      state.report!.variants.full!.layers = [];
      const painted = await panel.show(state);
      assert.deepEqual(painted.sections, ALL);
      assert.match((await panel.page.locator("#latency .failed").textContent()) ?? "", /^Cannot show this section: /u);
      assert.equal(await panel.page.locator(".failed").count(), 1);
      assert.equal(await panel.page.locator("#lengths canvas").count(), 3);
      const again = await panel.show(fullState());
      assert.deepEqual(again.sections, ALL);
      assert.equal(await panel.page.locator(".failed").count(), 0);
    });
  });

  it("keeps the results while a job runs, shows how far it is, and stops it", async () => {
    await withPanel({}, async () => {
      await panel.show(fullState());
      const progress = { kind: "progress", phase: "prefill", variant: "full", done: 3, total: 12 };
      await panel.send({ type: "job", job: { title: "Profiling notes.md", progress, stopping: false } });
      const running = panel.page.getByRole("group", { name: "Running" });
      assert.match((await running.textContent()) ?? "", /Profiling notes\.md Full attention: prefill, 25 %/);
      assert.ok(await panel.page.locator("#latency").isVisible());
      await running.getByRole("button", { name: "Stop" }).click();
      assert.ok(await panel.until((said) => said.type === "command" && said.command === "stop"));
      await panel.send({ type: "job" });
      await running.waitFor({ state: "hidden" });
    });
  });

  it("fills in while a run goes on: says what it waits for, tells a screen reader, and does not jump", async () => {
    await withPanel({}, async () => {
      const job = {
        title: "Profile of notes.md",
        progress: { kind: "phase", text: "prefill" },
        stopping: false,
        estimate: "about 6 min; the first 4,000 tokens alone about 40 s",
      } as const;
      const at = (...missing: readonly MissingPart[]): PanelState =>
        sampleState({ report: withCounts(partialReport({}, missing)), job });
      const section = async (id: string): Promise<string> => (await panel.page.locator(`#${id}`).textContent()) ?? "";
      const news = panel.page.getByRole("status");

      await panel.show(at("selection", "prefill", "decode", "peak"));
      assert.match(
        (await panel.page.getByRole("group", { name: "Running" }).textContent()) ?? "",
        /, about 6 min; the first 4,000/,
      );
      assert.match(await section("headline"), /No times yet\..*Still to come: selected blocks, prefill times/s);
      assert.match(await section("latency"), /Waiting for the first round\.$/);
      assert.match(await section("text"), /Waiting for the first run over the document\.$/);
      assert.match((await news.textContent()) ?? "", /tokens, /);
      assert.deepEqual(await brokenRules(panel), []);

      await panel.show(at("prefill", "decode", "peak"));
      assert.match((await news.textContent()) ?? "", /^most attended passages/);
      await panel.page.locator("#text").scrollIntoViewIfNeeded();
      await panel.page.evaluate(`document.getElementById("text-title").scrollIntoView({ block: "start" })`);
      const top = (): Promise<unknown> =>
        panel.page.evaluate(`Math.round(document.getElementById("text-title").getBoundingClientRect().top)`);
      const before = await top();
      await panel.show(at("decode", "peak"));
      assert.equal(await top(), before, "what the reader looks at stays where it is");
      assert.match((await news.textContent()) ?? "", /^Prefill, /);
      assert.doesNotMatch(await section("latency"), /Waiting/);

      await panel.show(sampleState());
      assert.equal(await news.textContent(), "The profile is complete.");
      assert.doesNotMatch(await section("headline"), /Still to come/);
      const stopped = asKept(partialReport({}, ["decode", "peak"]));
      await panel.show(sampleState({ report: stopped }));
      assert.match(
        await section("headline"),
        /Partial report, saved before the run was complete\. Not measured: decode times, peak memory\./,
      );
      assert.deepEqual(await brokenRules(panel), []);
    });
  });

  it("is worked by keyboard: layers of a chart are read out, Enter on a block reveals it", async () => {
    await withPanel({}, async () => {
      const state = fullState();
      await panel.show(state);
      const chart = panel.page.locator("#latency-hysparse");
      await chart.focus();
      await panel.page.keyboard.press("ArrowRight");
      await panel.page.keyboard.press("ArrowRight");
      const said = panel.page.locator("#latency figure", { has: chart }).locator("[aria-live]");
      assert.match((await said.textContent()) ?? "", /^Layer 1, sparse, median .* share of the limit \d+ % \(/);

      await panel.page.locator("#selection-map").focus();
      for (const key of ["ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown"]) await panel.page.keyboard.press(key);
      assert.match(
        (await panel.page.locator(".map .reading").textContent()) ?? "",
        /^Block 2, lines .*Layer 4 for layers 5-7/,
      );
      await panel.page.keyboard.press("Enter");
      const [start, end] = state.report?.document.blockRanges[2] ?? [];
      assert.deepEqual(await panel.until(({ type }) => type === "reveal"), { type: "reveal", start, end, focus: true });

      await panel.page.locator("#document-text").focus();
      const before = panel.said.length;
      await panel.page.keyboard.press("n");
      await panel.page.keyboard.press("Enter");
      const wanted = await panel.until(({ type }) => type === "reveal", before);
      const shown = await panel.page.locator("#document-text .on").first().getAttribute("data-block");
      const [from, to] = state.report?.document.blockRanges[Number(shown)] ?? [];
      assert.deepEqual(wanted, { type: "reveal", start: from, end: to, focus: true });
    });
  });

  it("opens a place where random blocks cost most, and reads a coverage chart out", async () => {
    await withPanel({}, async () => {
      const state = fullState();
      await panel.show(state);
      await panel.page.locator("#checks .passages button").nth(1).focus();
      await panel.page.keyboard.press("Enter");
      const [start, end] = state.report?.document.blockRanges[40] ?? [];
      assert.deepEqual(await panel.until(({ type }) => type === "reveal"), { type: "reveal", start, end, focus: true });
      const chart = panel.page.locator("#coverage-hysparse");
      await chart.focus();
      await panel.page.keyboard.press("ArrowRight");
      const said = panel.page.locator("#checks figure", { has: chart }).locator("[aria-live]");
      await said.filter({ hasText: /./ }).waitFor();
      assert.match(
        (await said.textContent()) ?? "",
        /^1 layer from the oracle: 1, 5, 9, own choice 85 %, inherited blocks/,
      );
    });
  });

  it("reaches every button, chart and text by the tab key", async () => {
    await withPanel({}, async () => {
      await panel.show(fullState());
      const reached = new Set<string>();
      for (let i = 0; i < 60; i++) {
        await panel.page.keyboard.press("Tab");
        reached.add(z.string().parse(await panel.page.evaluate("document.activeElement.id")));
      }
      for (const id of ["do-profile", "do-export", "do-follow", "phase-prefill", "latency-totals", "latency-full"]) {
        assert.ok(reached.has(id), `${id} was not reached`);
      }
      for (const id of [
        "kv-hysparse",
        "selection-map",
        "document-text",
        "coverage-hysparse",
        "curve-prefill",
        "comparison-end",
      ]) {
        assert.ok(reached.has(id), `${id} was not reached`);
      }
    });
  });

  it("switches phase, and remembers it, the opened tables and the place after a reload", async () => {
    await withPanel({}, async () => {
      const state = fullState();
      await panel.show(state);
      await panel.page.getByRole("radio", { name: /^Decode/ }).check({ force: true });
      await panel.page.getByText("All layers in one table").click();
      await panel.page.locator("#comparison").scrollIntoViewIfNeeded();
      const scrolled = z.number().parse(await panel.page.evaluate("window.scrollY"));
      assert.ok(scrolled > 500);
      await panel.page.waitForTimeout(400);
      const before = panel.said.length;
      await panel.page.reload();
      await panel.until(({ type }) => type === "ready", before);
      await panel.show(state);
      assert.ok(await panel.page.locator("#phase-decode").isChecked());
      assert.match((await panel.page.locator("#latency .message").textContent()) ?? "", /^Per output token/);
      assert.ok(await panel.page.getByText("KV memory", { exact: true }).first().isVisible());
      assert.ok(await panel.page.locator("#memory-tables table").first().isVisible());
      assert.ok(Math.abs(z.number().parse(await panel.page.evaluate("window.scrollY")) - scrolled) < 60);
    });
  });

  it("changes its colours with the theme, charts and map too", async () => {
    await withPanel({ theme: themeOf("Dark Modern") }, async () => {
      await panel.show(fullState());
      const ids = ["latency-totals", "selection-map"];
      await panel.page.locator("#selection-map").scrollIntoViewIfNeeded();
      await panel.page.waitForTimeout(200);
      const seen = await Promise.all(ids.map((id) => pixels(panel, id)));
      for (const name of ["Light Modern", "Dark High Contrast", "Light High Contrast"]) {
        await panel.dress(themeOf(name));
        const now = await Promise.all(ids.map((id) => pixels(panel, id)));
        now.forEach((image, i) => assert.ok(!seen.includes(image), `${ids[i] ?? ""} is as before in ${name}`));
        seen.push(...now);
      }
    });
  });

  it("says that a message is not understood, and stays as it was", async () => {
    await withPanel({}, async () => {
      await panel.show(fullState());
      await panel.send({ type: "state", state: { ...fullState(), report: { schemaVersion: 2 } } });
      const alert = panel.page.getByRole("alert");
      await alert.getByText(/Could not read a message/).waitFor();
      assert.ok(await panel.page.locator("#latency-totals").isVisible());
      await alert.getByRole("button", { name: "Dismiss" }).click();
      assert.ok(await alert.isHidden());
      await panel.send({ type: "failure", message: "The runtime ended: out of memory." });
      await panel.page.getByText("out of memory").waitFor();
      assert.deepEqual(await brokenRules(panel), []);
    });
  });

  it("greys links to a document that this window does not know and says why", async () => {
    await withPanel({}, async () => {
      const { text, ...state } = fullState({ document: "unknown" });
      assert.ok(text);
      await panel.show(state);
      const link = panel.page.locator(".passages button").first();
      assert.equal(await link.getAttribute("aria-disabled"), "true");
      assert.match((await link.getAttribute("title")) ?? "", /not open in this window/);
      await link.click({ force: true });
      await panel.page.locator("#selection-map").focus();
      for (const key of ["ArrowRight", "Enter"]) await panel.page.keyboard.press(key);
      await panel.page.waitForTimeout(100);
      assert.ok(panel.said.every(({ type }) => type !== "reveal"));
      assert.match((await panel.page.locator("#text").textContent()) ?? "", /does not include the document's text/);
    });
  });

  it("follows the cursor without drawing anything else anew", async () => {
    await withPanel({}, async () => {
      await panel.show(fullState({ follow: true }));
      await panel.page.evaluate(`document.getElementById("selection-map").same = true`);
      await panel.send({ type: "cursor", cursor: CURSOR });
      await panel.page.getByText("The token at the cursor (line 40").waitFor();
      assert.match(
        (await panel.page.locator(".following").textContent()) ?? "",
        /No sparse layer can read 1,105 tokens before it/,
      );
      assert.ok((await panel.page.locator("#document-text .read").count()) > 0);
      assert.ok((await panel.page.locator("#document-text .unread").count()) > 0);
      assert.equal(await panel.page.evaluate(`document.getElementById("selection-map").same`), true);
      await panel.send({ type: "cursor" });
      await panel.page.locator("#document-text .read").first().waitFor({ state: "detached" });
    });
  });

  it("fits 400 pixels: nothing but tables scrolls sideways", async () => {
    await withPanel({ width: 400 }, async () => {
      await panel.show(fullState());
      await openAll(panel);
      assert.equal(await panel.page.evaluate("document.documentElement.scrollWidth"), 400);
    });
  });

  for (const [name, make] of [
    ["a document of 32,768 tokens", longState],
    ["a preset of 49 layers", presetState],
  ] as const) {
    it(`paints ${name}`, async (test) => {
      await withPanel({}, async () => {
        const painted = await panel.show(make());
        assert.match(painted.headline, /^HySparse uses /);
        test.diagnostic(`on the screen ${painted.milliseconds.toFixed(0)} ms after the message`);
        assert.deepEqual(panel.errors, []);
      });
    });
  }
});

const CURSOR = {
  token: 1200,
  start: 4300,
  end: 4304,
  line: 40,
  windowStart: 3900,
  unreadableTokens: 1105,
  oracles: [0, 4, 8].map((layer) => ({
    layer,
    feeds: [layer + 1, layer + 2, layer + 3],
    blocks: [0, 3, 7, 12].map((block) => ({ block, heads: 1, score: 0.1 })),
  })),
};
