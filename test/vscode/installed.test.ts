import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import type { Browser } from "playwright-core";
import {
  launchChromium,
  openWindow,
  panelFrame,
  runByPalette,
  workbench,
  type BrowserWindow,
} from "./server/browser-window.ts";
import { packageExtension } from "./server/scripts.ts";
import { findTools, type Tools } from "./server/tools.ts";
import { serverArguments, startServer, type VsCodeServer } from "./server/vscode-server.ts";
import { makeWorkspace, type Workspace } from "./server/workspace.ts";
import { alive, runtimeProcesses } from "./stories/processes.ts";

/**
 * The package as a user gets it: installed into a VS Code that has nothing else, driven by keys alone.
 */
const tools = findTools();
const skip = "missing" in tools ? tools.missing : false;
const PROFILE_MS = 120_000;

describe("the installed package", { skip, timeout: 900_000 }, () => {
  let home: string;
  let vsix: string;
  let workspace: Workspace;
  let server: VsCodeServer;
  let browser: Browser;
  let window: BrowserWindow;
  let headline: string;

  before(async () => {
    if ("missing" in tools) throw new Error(tools.missing);
    home = mkdtempSync(join(tmpdir(), "hysparse-installed-"));
    const extensions = join(home, "extensions");
    mkdirSync(extensions);
    vsix = await packageExtension();
    await install(tools, vsix, home, extensions);
    workspace = await makeWorkspace();
    server = await startServer(tools, {
      extensions,
      settings: {
        "hysparse.engine": "cpu",
        "hysparse.repetitions": 1,
        "hysparse.decodeTokens": 2,
        "hysparse.variants": ["hysparse", "full"],
      },
    });
    browser = await launchChromium(tools);
    window = await openWindow(browser, server, { folder: workspace.path, width: 1500, height: 900 });
  });
  after(async () => {
    await browser.close();
    await server.stop();
    workspace.remove();
    rmSync(home, { recursive: true, force: true });
  });

  it("is at most 90 MB", () => {
    const megabytes = statSync(vsix).size / 1e6;
    assert.ok(megabytes <= 90, `${megabytes.toFixed(1)} MB`);
  });

  it("profiles a file in two steps: open it, run the command", async () => {
    const { page } = window;
    await page.keyboard.press("Control+P");
    const input = page.locator(".quick-input-widget input.input");
    await input.fill("retry-queue.ts");
    await page.locator(".quick-input-list .monaco-list-row", { hasText: "retry-queue.ts" }).first().waitFor();
    await page.keyboard.press("Enter");
    await page.locator(".tab.active", { hasText: "retry-queue.ts" }).waitFor();
    await page.locator(".editor-instance .view-line").first().waitFor();
    // The extension host hears of a new editor a little later than it is seen.
    await page.waitForTimeout(1000);

    await runByPalette(page, "HySparse: Profile Document");
    headline = await headlineOf(window, PROFILE_MS);
    assert.match(headline, /full attention/u);
    await page.locator(".view-overlays [class*='ced-']").first().waitFor();
  });

  it("asked no other host for anything", () => {
    assert.deepEqual(window.foreignRequests, []);
  });

  it("shows the same after the window is loaded anew, and leaves no process of before", async () => {
    const { page } = window;
    const running = runtimeProcesses(server.home);
    assert.ok(running.length > 0);
    await until("a kept profile", () => keptFiles(server.home).length >= 2, 30_000);
    // The index that names the files goes through the browser's storage, which is written with a delay.
    await page.waitForTimeout(3000);
    await page.reload();
    await workbench(page);
    assert.equal(await headlineOf(window, 60_000), headline);
    await until("the end of the process of before", () => !running.some(alive), 30_000);
  });

  it("leaves no process when its window closes in the middle of a profile", async () => {
    await window.page.locator(".tab", { hasText: "retry-queue.ts" }).click();
    await runByPalette(window.page, "HySparse: Profile Document");
    await until("a runtime", () => runtimeProcesses(server.home).length > 0, 30_000);
    const running = runtimeProcesses(server.home);
    const closed = window.page.waitForEvent("close");
    await window.page.close({ runBeforeUnload: true });
    await closed;
    await until(
      "the end of every process",
      () => !running.some(alive) && runtimeProcesses(server.home).length === 0,
      30_000,
    );
  });
});

async function until(what: string, holds: () => boolean, timeoutMs: number): Promise<void> {
  const started = Date.now();
  while (!holds()) {
    assert.ok(Date.now() - started < timeoutMs, `${what}: not after ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** What the extension keeps for a reload, wherever the server has its storage. */
function keptFiles(home: string): string[] {
  return readdirSync(home, { recursive: true, encoding: "utf8" }).filter((name) =>
    /\/profiles\/[0-9a-f]{16}\./u.test(name),
  );
}

/** The panel's first sentence, once it is one about a profile. */
async function headlineOf({ page }: BrowserWindow, timeoutMs: number): Promise<string> {
  const frame = await panelFrame(page, "main#panel .headline", timeoutMs);
  const headline = frame.locator("main#panel .headline", { hasText: /^\s*HySparse uses/u }).first();
  await headline.waitFor({ timeout: timeoutMs });
  return (await headline.innerText()).trim();
}

async function install(found: Tools, vsix: string, home: string, extensions: string): Promise<void> {
  const { stdout } = await promisify(execFile)(found.node, [
    found.serverMain,
    ...serverArguments(home, extensions),
    "--install-extension",
    vsix,
  ]);
  const folders = readdirSync(extensions).filter((name) => name.startsWith("hysparse-profiler."));
  assert.equal(folders.length, 1, `the package was not installed: ${stdout}`);
}
