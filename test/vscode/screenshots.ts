import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import { buildSuite } from "./build-suite.ts";
import { panelFrame } from "./server/browser-window.ts";
import { openDrivenWindow, type DrivenWindow } from "./server/driven-window.ts";
import { ROOT } from "./server/run-suite.ts";
import { buildExtension } from "./server/scripts.ts";
import { THEMES, wearTheme } from "./server/themes.ts";
import { findTools } from "./server/tools.ts";

/**
 * Pictures of the extension in four themes, from a profile made on the spot: the text with its highlights beside the
 * panel, following the cursor, and the whole panel. Written to docs/screenshots, or to the folder of --out.
 */
const { values } = parseArgs({
  options: {
    out: { type: "string", default: join(ROOT, "docs", "screenshots") },
    document: { type: "string", default: "design-note.md" },
    repetitions: { type: "string", default: "3" },
    theme: { type: "string", multiple: true, default: THEMES.map(({ name }) => name) },
  },
});
const tools = findTools();
if ("missing" in tools) throw new Error(tools.missing);
await Promise.all([buildExtension(), buildSuite()]);
mkdirSync(values.out, { recursive: true });

const WIDE = { width: 1600, height: 1000 };
const driven = await openDrivenWindow(
  tools,
  {
    "hysparse.engine": "cpu",
    "hysparse.repetitions": Number(values.repetitions),
    "hysparse.selectionChecks": true,
    "editor.minimap.enabled": false,
    "editor.wordWrap": "on",
    "workbench.activityBar.location": "hidden",
    "workbench.sideBar.location": "left",
  },
  WIDE,
);
try {
  await prepare(driven, values.document);
  const chosen = THEMES.filter(({ name }) => values.theme.includes(name));
  for (const theme of chosen) {
    await wearTheme(driven, theme);
    await shoot(driven, `editor-${theme.name}`);
    await follow(driven);
    await shoot(driven, `follow-${theme.name}`);
    await driven.remote.ask({ ask: "command", command: "hysparse.followCursor" });
    await driven.remote.until("no following", (snapshot) => !snapshot.follow);
  }
  for (const theme of chosen) {
    await wearTheme(driven, theme);
    await shootWholePanel(driven, `panel-${theme.name}`);
  }
} finally {
  await driven.close();
}

async function prepare({ remote, workspace }: DrivenWindow, document: string): Promise<void> {
  await remote.ask({ ask: "command", command: "workbench.action.closeSidebar" });
  await remote.ask({ ask: "open", path: join(workspace.path, document) });
  await remote.ask({ ask: "command", command: "hysparse.profileDocument" });
  await remote.until("a report", ({ createdAt, busy }) => createdAt !== undefined && !busy, 600_000);
  await remote.ask({ ask: "command", command: "notifications.clearAll" });
}

async function follow({ remote }: DrivenWindow): Promise<void> {
  await remote.ask({ ask: "command", command: "workbench.action.focusFirstEditorGroup" });
  const { characters } = await remote.until("a text editor", (snapshot) => snapshot.characters !== undefined);
  await remote.ask({ ask: "command", command: "hysparse.followCursor" });
  await remote.until("following", (snapshot) => snapshot.follow);
  const offset = Math.floor((characters ?? 0) * 0.6);
  await remote.ask({ ask: "cursor", offset });
  await remote.until("the cursor's token", ({ cursorStart, cursorEnd }) => {
    return cursorStart !== undefined && cursorEnd !== undefined && cursorStart <= offset && offset < cursorEnd;
  });
}

async function shoot({ window: { page } }: DrivenWindow, name: string): Promise<void> {
  await page.mouse.move(0, 0);
  await page.waitForTimeout(500);
  await page.screenshot({ path: join(values.out, `${name}.png`) });
}

/** The panel alone in the window, which is made as high as the panel's page. */
async function shootWholePanel({ window: { page }, remote }: DrivenWindow, name: string): Promise<void> {
  await remote.ask({ ask: "command", command: "hysparse.showPanel" });
  await remote.ask({ ask: "command", command: "workbench.action.toggleMaximizeEditorGroup" });
  const frame = await panelFrame(page, "main#panel");
  // The text's box takes a share of the window's height: in one as high as the page it would push out what comes after.
  await frame.evaluate("document.querySelector('.text').style.maxHeight = '420px'");
  const height = z.number().parse(await frame.evaluate("document.documentElement.scrollHeight"));
  await page.setViewportSize({ width: 1100, height: Math.min(8000, height + 120) });
  await page.waitForTimeout(700);
  await page.screenshot({ path: join(values.out, `${name}.png`) });
  await page.setViewportSize(WIDE);
  await remote.ask({ ask: "command", command: "workbench.action.toggleMaximizeEditorGroup" });
  await remote.ask({ ask: "command", command: "workbench.action.focusFirstEditorGroup" });
  await page.waitForTimeout(300);
}
