import * as vscode from "vscode";
import type { ReportView } from "../report-view.ts";
import { Page, type PageHost } from "./page.ts";
import type { Pages } from "./pages.ts";
import { PANEL_TYPE } from "./types.ts";

/** The panel: one per window, showing the last profile. */
export class Panel implements vscode.Disposable {
  readonly #pages: Pages;
  readonly #view: ReportView;
  readonly #host: PageHost;
  #panel: vscode.WebviewPanel | undefined;
  #page: Page | undefined;
  readonly #endings: vscode.Disposable[];

  constructor(pages: Pages, view: ReportView, host: PageHost) {
    this.#pages = pages;
    this.#view = view;
    this.#host = host;
    this.#endings = [
      vscode.window.registerWebviewPanelSerializer(PANEL_TYPE, {
        deserializeWebviewPanel: (panel: vscode.WebviewPanel) => {
          this.#adopt(panel, performance.now());
          return Promise.resolve();
        },
      }),
    ];
  }

  get page(): Page | undefined {
    return this.#page;
  }

  /** Shows the panel, beside the text where it is new. */
  show({ focus }: { readonly focus: boolean }): void {
    const openedAt = performance.now();
    if (this.#panel && this.#page) {
      this.#pages.touch(this.#page);
      this.#page.setVisible(true);
      this.#panel.reveal(undefined, !focus);
      return;
    }
    const title = "HySparse";
    const place = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: !focus };
    this.#adopt(vscode.window.createWebviewPanel(PANEL_TYPE, title, place), openedAt);
  }

  dispose(): void {
    for (const ending of this.#endings) ending.dispose();
    this.#page?.dispose();
    this.#panel?.dispose();
  }

  #adopt(panel: vscode.WebviewPanel, openedAt: number): void {
    this.#panel?.dispose();
    this.#panel = panel;
    panel.iconPath = vscode.Uri.joinPath(this.#host.extensionUri, "media", "icon.png");
    const page = new Page(panel.webview, this.#host, openedAt);
    this.#page = page;
    this.#pages.add(page, this.#view, panel);
    panel.onDidDispose(() => {
      this.#pages.delete(page);
      page.dispose();
      if (this.#page === page) this.#page = undefined;
      if (this.#panel === panel) this.#panel = undefined;
    });
  }
}
