import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Frame } from "playwright-core";
import { z } from "zod";
import { buildSuite } from "./build-suite.ts";
import { panelFrame } from "./server/browser-window.ts";
import { openDrivenWindow, type DrivenWindow } from "./server/driven-window.ts";
import { buildExtension } from "./server/scripts.ts";
import { THEMES, wearTheme } from "./server/themes.ts";
import { findTools } from "./server/tools.ts";

/** What only the page itself can show: accessibility rules, themes, keys, and that nothing is asked of the network. */
const tools = findTools();
const skip = "missing" in tools ? tools.missing : false;

const resultsSchema = z.object({
  passes: z.array(z.object({ id: z.string() })),
  violations: z.array(
    z.object({
      id: z.string(),
      help: z.string(),
      nodes: z.array(z.object({ target: z.array(z.unknown()), html: z.string() })),
    }),
  ),
});

describe("the panel in a real VS Code", { skip, timeout: 300_000 }, () => {
  let driven: DrivenWindow;
  let frame: Frame;

  before(async () => {
    if ("missing" in tools) throw new Error(tools.missing);
    await Promise.all([buildExtension(), buildSuite()]);
    driven = await openDrivenWindow(tools, {}, { width: 1600, height: 1000 });
    await driven.remote.ask({ ask: "command", command: "hysparse.showSample" });
    await driven.remote.until("the sample in the panel", ({ headline }) => headline !== undefined && headline !== "");
    frame = await panelFrame(driven.window.page, "main#panel");
  });
  after(async () => {
    await driven.close();
  });

  for (const theme of THEMES) {
    it(`breaks no accessibility rule in ${theme.setting}`, async () => {
      await wearTheme(driven, theme);
      assert.deepEqual(await breaches(frame), []);
    });
  }

  it("says that a report compared with itself shows no difference", async () => {
    const path = join(driven.workspace.path, "sample.hysparse.json");
    await driven.remote.ask({ ask: "exportTo", path });
    await driven.remote.ask({ ask: "compareWith", path });
    await frame.getByText("No significant difference in HySparse").first().waitFor();
    await frame.getByRole("button", { name: "End Comparison" }).first().click();
    await frame.getByText("No significant difference in HySparse").first().waitFor({ state: "hidden" });
  });

  it("asks nothing of any other host, and its content policy is not broken", () => {
    assert.deepEqual(driven.window.foreignRequests, []);
    const complaints = driven.window.errors.filter((text) => /content security policy/iu.test(text));
    assert.deepEqual(complaints, []);
  });
});

/** Breaches of axe-core's rules inside the panel's frame, a line each. */
async function breaches(frame: Frame): Promise<string[]> {
  const source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  // Evaluated by the debugger, not by the page: the page's content policy stays as it is.
  await frame.evaluate(source);
  const found: unknown = await frame.evaluate(
    "axe.run(document).then((results) => JSON.parse(JSON.stringify(results)))",
  );
  const { passes, violations } = resultsSchema.parse(found);
  for (const rule of ["color-contrast", "button-name", "region"]) {
    assert.ok(
      passes.some(({ id }) => id === rule),
      `${rule} had nothing to look at`,
    );
  }
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, html }) => `${id}: ${help}: ${JSON.stringify(target)} ${html.slice(0, 160)}`),
  );
}
