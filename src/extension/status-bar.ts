import * as vscode from "vscode";
import type { Highlighter } from "./highlights/highlighter.ts";
import type { RuntimeOwner } from "./runtime-owner.ts";
import type { Session } from "./session.ts";
import { statusOf } from "./status-text.ts";

/** The status bar's item: what the runtime is doing, and whether highlights are stale. */
export class StatusBar implements vscode.Disposable {
  readonly #item = vscode.window.createStatusBarItem("hysparse.status", vscode.StatusBarAlignment.Left);

  constructor() {
    this.#item.name = "HySparse";
  }

  update(runtime: RuntimeOwner, session: Session, highlighter: Highlighter): void {
    const { text, tooltip, command, failed } = statusOf(runtime.state, session.job, highlighter.stale);
    this.#item.text = text;
    this.#item.tooltip = tooltip;
    this.#item.command = `hysparse.${command}`;
    this.#item.backgroundColor = failed ? new vscode.ThemeColor("statusBarItem.errorBackground") : undefined;
    this.#item.show();
  }

  dispose(): void {
    this.#item.dispose();
  }
}
