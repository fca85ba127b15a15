import { chromium, type Browser, type BrowserContext, type Frame, type Page, type Request } from "playwright-core";
import type { Tools } from "./tools.ts";
import type { VsCodeServer } from "./vscode-server.ts";

const WORKBENCH_MS = 60_000;

export interface WindowOptions {
  /** The folder the window opens; none: an empty window. */
  readonly folder?: string;
  /** Load the extension from here. */
  readonly development?: string;
  /** Run this module's `run()` in the extension host. */
  readonly tests?: string;
  readonly width?: number;
  readonly height?: number;
  readonly scale?: number;
}

/** A VS Code window in a headless Chromium. */
export interface BrowserWindow {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What the page wrote to its console as an error. */
  readonly errors: readonly string[];
  /** Addresses elsewhere that webviews asked for. VS Code's own page may ask its gallery, which is not ours. */
  readonly foreignRequests: readonly string[];
  close(): Promise<void>;
}

/** Chromium kept quiet: no GPU, no background network, no first-run pages. */
export async function launchChromium(tools: Tools): Promise<Browser> {
  return await chromium.launch({
    executablePath: tools.chromium,
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/**
 * Opens a window of `server` in `browser`, with fresh browser storage, and waits for its workbench.
 * @throws Error naming what the page showed, when no workbench comes
 */
export async function openWindow(
  browser: Browser,
  server: VsCodeServer,
  options: WindowOptions = {},
): Promise<BrowserWindow> {
  const context = await browser.newContext({
    viewport: { width: options.width ?? 1280, height: options.height ?? 800 },
    deviceScaleFactor: options.scale ?? 1,
  });
  const page = await context.newPage();
  const errors: string[] = [];
  const foreignRequests: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("request", (request) => {
    const { protocol, host } = new URL(request.url());
    // Under this name VS Code's service worker hands a webview its local files.
    const local = host === server.authority || host.endsWith(".vscode-resource.vscode-cdn.net");
    if (/^(?:https?|wss?):$/u.test(protocol) && !local && fromWebview(request, page))
      foreignRequests.push(request.url());
  });
  const close = (): Promise<void> => context.close();
  try {
    await page.goto(windowAddress(server, options), { timeout: WORKBENCH_MS });
    await workbench(page);
  } catch (error) {
    const shown = await page
      .locator("body")
      .innerText({ timeout: 1000 })
      .catch(() => "(nothing)");
    await close();
    throw new Error(
      `no workbench in ${WORKBENCH_MS} ms; the page shows: ${shown.slice(0, 500)}\n${errors.join("\n")}`,
      {
        cause: error,
      },
    );
  }
  return { page, context, errors, foreignRequests, close };
}

function fromWebview(request: Request, page: Page): boolean {
  if (request.serviceWorker() !== null) return false;
  try {
    return request.frame() !== page.mainFrame();
  } catch {
    // A navigation that has no frame yet can only be a new one.
    return true;
  }
}

/** Waits until the window takes keys: its status bar is the last thing to come. */
export async function workbench(page: Page): Promise<void> {
  await page.locator(".monaco-workbench .part.statusbar").waitFor({ timeout: WORKBENCH_MS });
}

function windowAddress(server: VsCodeServer, options: WindowOptions): string {
  const address = new URL(server.url);
  if (options.folder !== undefined) address.searchParams.set("folder", options.folder);
  else address.searchParams.set("ew", "true");
  const remote = (path: string): string => `vscode-remote://${server.authority}${path}`;
  const payload = [
    ...(options.development === undefined ? [] : [["extensionDevelopmentPath", remote(options.development)]]),
    ...(options.tests === undefined ? [] : [["extensionTestsPath", remote(options.tests)]]),
  ];
  if (payload.length > 0) address.searchParams.set("payload", JSON.stringify(payload));
  return address.href;
}

/** The frame in which our panel's page runs: VS Code puts a page of its own around it. */
export async function panelFrame(page: Page, marker: string, timeoutMs = 20_000): Promise<Frame> {
  const started = Date.now();
  for (;;) {
    for (const frame of page.frames()) {
      const found = await frame
        .locator(marker)
        .count()
        .catch(() => 0);
      if (found > 0 && frame !== page.mainFrame()) return frame;
    }
    if (Date.now() - started > timeoutMs) {
      const frames = page.frames().map((frame) => frame.url().slice(0, 120));
      throw new Error(`no frame holds ${marker} after ${timeoutMs} ms; frames: ${frames.join(", ")}`);
    }
    await page.waitForTimeout(50);
  }
}

/** Types a command into the palette and takes its first answer, as a person would. */
export async function runByPalette(page: Page, title: string): Promise<void> {
  await page.keyboard.press("F1");
  const input = page.locator(".quick-input-widget input.input");
  await input.waitFor({ state: "visible" });
  await input.fill(`>${title}`);
  // Enter takes the row in focus, which is another one while the list is still being filled.
  await page.locator(".quick-input-list .monaco-list-row.focused", { hasText: title }).waitFor();
  await page.keyboard.press("Enter");
  await input.waitFor({ state: "hidden" });
}
