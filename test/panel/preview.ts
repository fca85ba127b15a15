import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";
import { z } from "zod";
import { pageCode } from "../../src/build/bundles.ts";
import { fromPanelSchema, type FromPanel } from "../../src/protocol/panel.ts";
import type { PageCode } from "../../webview/export.ts";
import { pageHtml } from "../../webview/page.ts";

/**
 * The panel's page in a plain Chromium, with a stand-in for VS Code: its CSP, its body classes, its CSS variables (the
 * files in themes/ hold what VS Code 1.139 computes for its own four themes) and acquireVsCodeApi.
 */
const ORIGIN = "https://panel.test";
const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const THEMES = new URL("themes/", import.meta.url);

export const themeSchema = z.strictObject({
  name: z.string(),
  kind: z.string(),
  variables: z.record(z.string(), z.string()),
});
export type Theme = z.infer<typeof themeSchema>;

export const themes: readonly Theme[] = readdirSync(THEMES)
  .sort()
  .map((file) => themeSchema.parse(JSON.parse(readFileSync(new URL(file, THEMES), "utf8"))));

/** A Chromium on this machine, or undefined. */
export function chromiumPath(): string | undefined {
  return CHROMIUM.find((path) => existsSync(path));
}

/** How a reader opens an exported page. */
export type ReaderOptions = Pick<BrowserContextOptions, "colorScheme" | "forcedColors" | "javaScriptEnabled"> & {
  readonly width?: number;
  readonly height?: number;
};

export class Preview {
  /** As the build makes it. */
  readonly code: PageCode;
  readonly #browser: Browser;
  readonly #folder = mkdtempSync(join(tmpdir(), "panel-preview-"));

  private constructor(browser: Browser, code: PageCode) {
    this.#browser = browser;
    this.code = code;
  }

  /** Bundles the page and starts a browser. */
  static async start(executablePath: string): Promise<Preview> {
    const code = await pageCode();
    const browser = await chromium.launch({
      executablePath,
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
    });
    return new Preview(browser, code);
  }

  async stop(): Promise<void> {
    await this.#browser.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** An exported page, opened from the disk without a network, when all of it is drawn. */
  async read(html: string, { width = 1000, height = 900, ...options }: ReaderOptions): Promise<PanelPage> {
    const file = join(this.#folder, "exported.html");
    writeFileSync(file, html);
    const context = await this.#browser.newContext({
      viewport: { width, height },
      reducedMotion: "reduce",
      offline: true,
      ...options,
    });
    const panel = new PanelPage(await context.newPage());
    await panel.page.addInitScript(WATCH);
    await panel.page.goto(pathToFileURL(file).href);
    if (options.javaScriptEnabled !== false) await panel.page.locator("#panel:not([aria-busy])").waitFor();
    return panel;
  }

  /** A fresh page; it has said `ready` and waits for its first message. */
  async open(options: { theme?: Theme; width?: number; height?: number; scale?: number } = {}): Promise<PanelPage> {
    const context = await this.#browser.newContext({
      viewport: { width: options.width ?? 1000, height: options.height ?? 900 },
      deviceScaleFactor: options.scale ?? 1,
      reducedMotion: "reduce",
    });
    const page = await context.newPage();
    const panel = new PanelPage(page);
    await page.route(`${ORIGIN}/**`, async (route) => {
      const name = new URL(route.request().url()).pathname.slice(1);
      if (name === "") await route.fulfill({ contentType: "text/html", body: html() });
      else if (name === "panel.js") await route.fulfill({ contentType: "text/javascript", body: this.code.script });
      else if (name === "panel.css") await route.fulfill({ contentType: "text/css", body: this.code.style });
      else await route.fulfill({ status: 404 });
    });
    await page.exposeBinding("toHost", (_, message: unknown) => panel.take(message));
    await page.addInitScript(WATCH);
    await page.addInitScript(`(${standIn})(${JSON.stringify(options.theme ?? themes[0])})`);
    await page.goto(`${ORIGIN}/`);
    await panel.until(({ type }) => type === "ready");
    return panel;
  }
}

function html(): string {
  return pageHtml({
    nonce: "test0nonce",
    cspSource: ORIGIN,
    scriptUri: `${ORIGIN}/panel.js`,
    styleUri: `${ORIGIN}/panel.css`,
  });
}

/** Runs in the page before its script: violations of its content security policy. */
const WATCH = `window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(event.violatedDirective + " " + event.blockedURI + " " + event.sample);
});`;

/** Runs in the page before its script, as VS Code's own preparation of a webview does. */
const standIn = `(theme) => {
  const dress = (theme) => {
    const root = document.documentElement.style;
    for (const name of [...root].filter((name) => name.startsWith("--vscode-"))) root.removeProperty(name);
    for (const [name, value] of Object.entries(theme.variables)) root.setProperty(name, value);
    document.body.classList.remove("vscode-light", "vscode-dark", "vscode-high-contrast", "vscode-high-contrast-light");
    document.body.classList.add(theme.kind);
    document.body.dataset.vscodeThemeKind = theme.kind;
    document.body.dataset.vscodeThemeId = theme.name;
  };
  window.dress = dress;
  const bodyIsThere = new MutationObserver(() => {
    if (!document.body) return;
    bodyIsThere.disconnect();
    dress(theme);
  });
  bodyIsThere.observe(document, { childList: true, subtree: true });
  window.acquireVsCodeApi = () => ({
    postMessage: (message) => void window.toHost(message),
    getState: () => JSON.parse(sessionStorage.getItem("state") ?? "null") ?? undefined,
    setState: (state) => sessionStorage.setItem("state", JSON.stringify(state)),
  });
}`;

/** An open panel: what it says is kept and validated, as the host does. */
export class PanelPage {
  readonly page: Page;
  readonly said: FromPanel[] = [];
  /** Console errors and exceptions of the page. */
  readonly errors: string[] = [];
  /** Addresses that it asked for, its own first. */
  readonly asked: string[] = [];

  constructor(page: Page) {
    this.page = page;
    page.on("request", (request) => this.asked.push(request.url()));
    page.on("pageerror", (error) => this.errors.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") this.errors.push(message.text());
    });
  }

  take(message: unknown): void {
    this.said.push(fromPanelSchema.parse(message));
  }

  async send(message: unknown): Promise<void> {
    await this.page.evaluate(`window.postMessage(${JSON.stringify(message)})`);
  }

  /** Sends a state and waits until the page says that it is on the screen. */
  async show(state: unknown): Promise<Extract<FromPanel, { type: "painted" }>> {
    const before = this.said.length;
    await this.send({ type: "state", state });
    const painted = await this.until(({ type }) => type === "painted", before);
    if (painted.type !== "painted") throw new Error("not reached");
    return painted;
  }

  /** The first message from number `from` on for which `wanted` holds. */
  async until(wanted: (message: FromPanel) => boolean, from = 0): Promise<FromPanel> {
    const end = Date.now() + 15_000;
    for (;;) {
      const found = this.said.slice(from).find(wanted);
      if (found) return found;
      if (Date.now() > end) throw new Error(`the page never said it; errors: ${this.errors.join("; ") || "none"}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async dress(theme: Theme): Promise<void> {
    await this.page.evaluate(`window.dress(${JSON.stringify(theme)})`);
    await this.page.waitForTimeout(150);
  }

  /** Violations of the content security policy so far. */
  async violations(): Promise<string[]> {
    return z.array(z.string()).parse(await this.page.evaluate("window.violations"));
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}
