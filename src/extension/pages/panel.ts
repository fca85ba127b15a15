import * as vscode from "vscode";
import type { Host } from "../host.ts";
import { Page } from "./page.ts";
import { pageHost } from "./page-host.ts";
import { PANEL_TYPE } from "./types.ts";

/** The panel: one per window, showing the last profile. */
export class Panel implements vscode.Disposable {
  readonly #host: Host;
  #panel: vscode.WebviewPanel | undefined;
  #page: Page | undefined;
  readonly #endings: vscode.Disposable[];

  constructor(host: Host) {
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
      this.#host.pages.touch(this.#page);
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
    const page = new Page(panel.webview, pageHost(this.#host, this.#host.session.view), openedAt);
    this.#page = page;
    this.#host.pages.add(page, this.#host.session.view, panel);
    panel.onDidDispose(() => {
      this.#host.pages.delete(page);
      page.dispose();
      if (this.#page === page) this.#page = undefined;
      if (this.#panel === panel) this.#panel = undefined;
    });
  }
}
