import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import type { FromPanel, Job, PanelCommand, PanelState, ToPanel } from "../../protocol/panel.ts";
import { pageHtml } from "../../../webview/page.ts";
import { Frame } from "../highlights/frame.ts";

/** What a reader saw first, as the page told. */
export type Painted = Omit<Extract<FromPanel, { type: "painted" }>, "type">;

/** Progress is told no more often than this. */
const PROGRESS_MS = 100;

/** What a page needs of the rest. */
export interface PageHost {
  readonly extensionUri: vscode.Uri;
  /** The whole state, as it is now. */
  state(): PanelState | Promise<PanelState>;
  run(command: PanelCommand): void;
  reveal(start: number, end: number, focus: boolean): void;
  log(line: string): void;
}

/** One page in a webview, in the panel or in a report editor: asks for its state when it is loaded, and is told of changes. */
export class Page implements vscode.Disposable {
  readonly #webview: vscode.Webview;
  readonly #host: PageHost;
  readonly #endings: vscode.Disposable[];
  /** Loaded while the page loads: both take about as long. */
  readonly #heavy = import("../heavy.ts");
  readonly #jobs = new Frame<Job | undefined>((job) => this.#tellJob(job), PROGRESS_MS);
  #ready = false;
  #telling = false;
  #openedAt: number | undefined;
  #told: PanelState | undefined;
  #painted: Painted | undefined;
  #openMs: number | undefined;

  /** @param openedAt when the user wished to see it, as performance.now() gives it */
  constructor(webview: vscode.Webview, host: PageHost, openedAt: number) {
    this.#webview = webview;
    this.#host = host;
    this.#openedAt = openedAt;
    this.#endings = [webview.onDidReceiveMessage((message: unknown) => void this.#receive(message))];
    const dist = vscode.Uri.joinPath(host.extensionUri, "dist", "webview");
    webview.options = { enableScripts: true, enableForms: false, localResourceRoots: [dist] };
    webview.html = pageHtml({
      nonce: randomBytes(24).toString("hex"),
      cspSource: webview.cspSource,
      scriptUri: webview.asWebviewUri(vscode.Uri.joinPath(dist, "panel.js")).toString(),
      styleUri: webview.asWebviewUri(vscode.Uri.joinPath(dist, "panel.css")).toString(),
    });
  }

  /** What the page was told last. */
  get told(): PanelState | undefined {
    return this.#told;
  }

  get painted(): Painted | undefined {
    return this.#painted;
  }

  /** Milliseconds from the wish to see it to its first picture. */
  get openMs(): number | undefined {
    return this.#openMs;
  }

  /** A hidden page is thrown away, and asks again when it comes back. */
  setVisible(visible: boolean): void {
    if (!visible) this.#ready = false;
    else if (!this.#ready) this.#openedAt ??= performance.now();
  }

  /** The whole state changed. Changes that come together are told together. */
  update(): void {
    if (!this.#ready || this.#telling) return;
    this.#telling = true;
    setTimeout(() => void this.#tellState(), 0);
  }

  updateJob(job: Job | undefined): void {
    if (this.#ready) this.#jobs.ask(job);
  }

  updateCursor(cursor: PanelState["cursor"]): void {
    if (!this.#ready || !this.#told) return;
    const state = { ...this.#told };
    delete state.cursor;
    this.#told = cursor ? { ...state, cursor } : state;
    this.#post({ type: "cursor", ...(cursor ? { cursor } : {}) });
  }

  fail(message: string): void {
    if (this.#ready) this.#post({ type: "failure", message });
  }

  dispose(): void {
    this.#ready = false;
    this.#jobs.dispose();
    for (const ending of this.#endings) ending.dispose();
  }

  async #receive(raw: unknown): Promise<void> {
    const { fromPanelSchema } = await this.#heavy;
    const parsed = fromPanelSchema.safeParse(raw);
    if (!parsed.success) {
      this.#host.log(`the page sent an invalid message: ${parsed.error.message}`);
      return;
    }
    const message = parsed.data;
    switch (message.type) {
      case "ready":
        this.#ready = true;
        await this.#tellState();
        break;
      case "reveal":
        this.#host.reveal(message.start, message.end, message.focus);
        break;
      case "command":
        this.#host.run(message.command);
        break;
      case "painted": {
        const { milliseconds, headline, sections } = message;
        this.#painted = { milliseconds, headline, sections };
        if (this.#openedAt !== undefined) this.#openMs = performance.now() - this.#openedAt;
        this.#openedAt = undefined;
        break;
      }
    }
  }

  async #tellState(): Promise<void> {
    const state = await this.#host.state();
    this.#telling = false;
    if (!this.#ready) return;
    this.#told = state;
    this.#post({ type: "state", state });
  }

  #tellJob(job: Job | undefined): void {
    if (!this.#ready || !this.#told) return;
    const state = { ...this.#told };
    delete state.job;
    this.#told = job ? { ...state, job } : state;
    this.#post({ type: "job", ...(job ? { job } : {}) });
  }

  #post(message: ToPanel): void {
    void this.#webview.postMessage(message);
  }
}
