import { mkdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { SUITE_FOLDER } from "../build-suite.ts";
import { EVENTS_VARIABLE, readEvents, type SuiteEvent } from "../suite/events.ts";
import { STORIES_VARIABLE } from "../suite/stories-variable.ts";
import { launchChromium, openWindow } from "./browser-window.ts";
import type { Tools } from "./tools.ts";
import { startServer, type ServerOptions, type VsCodeServer } from "./vscode-server.ts";
import { makeWorkspace } from "./workspace.ts";

export const ROOT = fileURLToPath(new URL("../../../", import.meta.url)).replace(/\/$/u, "");
/** Pictures of windows in which something went wrong. */
export const EVIDENCE = join(ROOT, "out", "vscode-evidence");

/** No event for this long: something hangs. Longer than one profile may take (PROFILE_MS of the stories). */
const QUIET_MS = 300_000;

export interface SuiteResult {
  readonly events: readonly SuiteEvent[];
  /** What hung or broke besides the stories themselves; undefined when the suite came to its end. */
  readonly trouble: string | undefined;
}

/**
 * Runs a folder of stories inside the extension host of a server-built VS Code that Chromium shows, and ends both.
 * `listen` hears each event as it comes.
 */
export async function runSuite(
  tools: Tools,
  stories: string,
  options: ServerOptions,
  listen: (event: SuiteEvent) => void,
): Promise<SuiteResult> {
  const workspace = await makeWorkspace({ hostile: stories === "untrusted" });
  const events = join(workspace.path, "..", `${basename(workspace.path)}.jsonl`);
  let server: VsCodeServer | undefined;
  let browser: Browser | undefined;
  try {
    server = await startServer(tools, {
      ...options,
      env: { ...options.env, [EVENTS_VARIABLE]: events, [STORIES_VARIABLE]: stories },
    });
    browser = await launchChromium(tools);
    const window = await openWindow(browser, server, {
      folder: workspace.path,
      development: ROOT,
      tests: join(SUITE_FOLDER, "run.cjs"),
    });
    const trouble = await follow(events, window.page, listen);
    const told = readEvents(events);
    const failed = trouble !== undefined || told.some((event) => event.event === "fail");
    const extra = failed ? `\n${window.errors.slice(-20).join("\n")}\n${server.logs()}` : "";
    return { events: told, trouble: trouble === undefined ? undefined : trouble + extra };
  } finally {
    await browser?.close();
    await server?.stop();
    workspace.remove();
    rmSync(events, { force: true });
  }
}

/** Passes events on until the last; returns what hung, in words. */
async function follow(path: string, page: Page, listen: (event: SuiteEvent) => void): Promise<string | undefined> {
  let heard = 0;
  let last = Date.now();
  let doing = "the extension host to load the suite";
  for (;;) {
    for (const event of readEvents(path).slice(heard)) {
      heard += 1;
      last = Date.now();
      listen(event);
      if (event.event === "start") doing = `the story "${event.title}"`;
      if (event.event === "fail") await photograph(page, event.title);
      if (event.event === "end") return undefined;
    }
    if (page.isClosed()) return `the page closed while waiting for ${doing}`;
    if (Date.now() - last > QUIET_MS) {
      const picture = await photograph(page, `hung ${doing}`);
      return `nothing happened for ${QUIET_MS} ms while waiting for ${doing}; see ${picture}`;
    }
    await page.waitForTimeout(100);
  }
}

async function photograph(page: Page, what: string): Promise<string> {
  mkdirSync(EVIDENCE, { recursive: true });
  const path = join(EVIDENCE, `${what.replaceAll(/[^\w]+/gu, "-").slice(0, 80)}.png`);
  await page.screenshot({ path, timeout: 10_000 }).catch(() => undefined);
  return path;
}
