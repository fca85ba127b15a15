import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Frame, Locator } from "playwright-core";
import type { Report, SwapName } from "../../src/protocol/report.ts";
import { readReport } from "../../src/report/json.ts";
import { buildSuite } from "./build-suite.ts";
import { panelFrame } from "./server/browser-window.ts";
import { openDrivenWindow, type DrivenWindow } from "./server/driven-window.ts";
import { buildExtension } from "./server/scripts.ts";
import { findTools } from "./server/tools.ts";

/** The setting hysparse.selectionChecks: what a reader then sees, held against the exported report. */
const tools = findTools();
const skip = "missing" in tools ? tools.missing : false;
const PROFILE_MS = 300_000;

const ROWS = {
  learned: "as learned",
  all: "every block",
  recent: "the newest blocks",
  random: "random blocks",
  none: "no blocks, only the window",
  "restrict-last": "learned, in the last layer too",
} satisfies Record<SwapName, string>;

describe("checks of the selection in a real VS Code", { skip, timeout: 900_000 }, () => {
  let driven: DrivenWindow;
  let frame: Frame;
  let profiles = 0;

  before(async () => {
    if ("missing" in tools) throw new Error(tools.missing);
    await Promise.all([buildExtension(), buildSuite()]);
    driven = await openDrivenWindow(tools, {
      "hysparse.engine": "cpu",
      "hysparse.repetitions": 1,
      "hysparse.decodeTokens": 2,
      "hysparse.variants": ["hysparse", "full"],
    });
  });
  after(async () => {
    await driven.close();
  });

  /** Profiles a document of the workspace under these settings, and gives its report as exported. */
  async function profiled(document: string, settings: Readonly<Record<string, boolean | string | string[]>>) {
    const { remote, workspace, window } = driven;
    for (const [key, value] of Object.entries(settings)) {
      await remote.ask({ ask: "setting", key: `hysparse.${key}`, value });
    }
    await remote.ask({ ask: "open", path: join(workspace.path, document) });
    const earlier = (await remote.until("any state", () => true)).createdAt;
    await remote.ask({ ask: "command", command: "hysparse.profileDocument" });
    const { lastError } = await remote.until(
      "a report or a failure",
      ({ createdAt, busy, lastError }) => !busy && (lastError !== undefined || createdAt !== earlier),
      PROFILE_MS,
    );
    assert.equal(lastError, undefined);
    frame = await panelFrame(window.page, "main#panel");
    const path = join(workspace.path, `checks-${++profiles}.hysparse.json`);
    await remote.ask({ ask: "exportTo", path });
    const report = readReport(readFileSync(path, "utf8"), path);
    // Its document line is in the section that every report has.
    const tokens = report.document.tokens.toLocaleString("en");
    await frame.locator("#headline .document", { hasText: `${document}, ${tokens} tokens` }).waitFor();
    return report;
  }

  it("are neither made nor shown unless the setting asks for them", async () => {
    const report = await profiled("retry-queue.ts", {});
    assert.equal(report.swaps, undefined);
    assert.equal(report.fidelity, undefined);
    const { sections } = await driven.remote.until(
      "a painted report",
      (now) => now.sections?.includes("about") === true,
    );
    assert.ok(!sections?.includes("checks"), String(sections));
    assert.equal(await frame.locator("#checks").isVisible(), false);
  });

  describe("asked for", () => {
    let report: Report;
    let section: Locator;

    before(async () => {
      report = await profiled("retry-queue.ts", { selectionChecks: true });
      section = frame.locator("#checks");
      await section.waitFor();
    });

    it("show what swapping costs, as in the exported report", async () => {
      const { tokens } = report.document;
      assert.ok(tokens > report.model.architecture.selectedTokens, `${tokens} tokens leave no choice`);
      await section.getByRole("heading", { name: "Does the selection matter?" }).waitFor();
      for (const { name, bitsPerByte, added, addedLow, addedHigh } of report.swaps!.results) {
        const row = section.getByRole("row", { name: ROWS[name], exact: false }).first();
        const cells = (await row.locator("td").allTextContents()).join(" ");
        assert.ok(cells.includes(bitsPerByte.toFixed(4)), `${name}: ${cells}`);
        if (name === "learned") continue;
        assert.ok(cells.includes(added.toFixed(4)), `${name}: ${cells}`);
        assert.ok(cells.includes(`${addedLow.toFixed(4)} to ${addedHigh.toFixed(4)}`), `${name}: ${cells}`);
      }
    });

    it("show every layer's fidelity, as in the exported report", async () => {
      await section.getByText("The same as tables, and every layer").click();
      const table = section.locator("table", { hasText: "HySparse, by layer" }).last();
      // The rows are drawn when the section opens, which a click does not wait for.
      await table.waitFor();
      const rows = await table.locator("tbody tr").all();
      const { layers } = report.fidelity!.variants.hysparse!;
      assert.ok(layers.length > 0);
      assert.equal(rows.length, layers.length);
      for (const [i, { layer, oracle, mass }] of layers.entries()) {
        const cells = await rows[i]!.locator("th, td").allTextContents();
        assert.deepEqual(cells.slice(0, 2), [`${layer}`, `${oracle}`]);
        for (const [column, share] of [
          [2, mass.inherited],
          [5, mass.own],
          [7, mass.recent],
          [8, mass.random],
        ] as const) {
          const shown = cells[column] ?? "";
          assert.match(shown, /^[\d.]+ %$/u);
          assert.ok(Math.abs(parseFloat(shown) - 100 * share) <= 0.5, `${shown} for ${share}`);
        }
      }
    });

    it("lead from a place to its lines in the document", async () => {
      const places = report.swaps!.places;
      assert.ok(places.length > 1);
      const path = join(driven.workspace.path, "retry-queue.ts");
      const text = readFileSync(path, "utf8");
      for (const at of [places.length - 1, 0]) {
        const { start, end, startLine, endLine } = places[at]!;
        const link = section.locator(".passages button").nth(at);
        assert.match((await link.textContent()) ?? "", new RegExp(`^lines? ${startLine}(\\b.*\\b${endLine})?$`, "u"));
        await link.click();
        const { selected } = await driven.remote.until(
          "the place in the editor",
          ({ selected }) => selected?.start === start && selected.inView,
        );
        assert.deepEqual(selected, { path, start, end, inView: true });
        assert.equal(text.slice(0, start).split("\n").length, startLine);
      }
    });
  });

  it("leave out what a dense checkpoint cannot be asked, and the panel says why", async () => {
    const report = await profiled("short.txt", {
      model: "dense-checkpoint",
      variants: ["full"],
      selectionChecks: true,
    });
    assert.equal(report.swaps, undefined);
    assert.ok(report.fidelity);
    await warned("The selection was not swapped: tiny is a dense model, which selects nothing.");
    await frame.locator("#checks").waitFor();
  });

  it("are left out for random weights, and the panel says why", async () => {
    const settings = { model: "random-checkpoint", variants: ["hysparse", "full"], selectionChecks: true };
    const report = await profiled("short.txt", settings);
    assert.deepEqual([report.swaps, report.fidelity], [undefined, undefined]);
    await warned("The selection was not checked: the weights of tiny are random");
    await frame.locator("#checks").waitFor({ state: "hidden" });
  });

  async function warned(start: string): Promise<void> {
    const warning = frame.locator("#headline .warnings li", { hasText: start });
    await warning.waitFor();
    assert.doesNotMatch((await warning.textContent()) ?? "", /--/u);
  }
});
