import type * as vscode from "vscode";
import { Emitter } from "../emitter.ts";
import type { ReportView } from "../report-view.ts";
import type { Page } from "./page.ts";

interface Entry {
  readonly view: ReportView;
  readonly panel: vscode.WebviewPanel;
  readonly listening: vscode.Disposable;
}

/** All open pages: the panel's and those of report editors. */
export class Pages {
  readonly #entries = new Map<Page, Entry>();
  readonly #changed = new Emitter();
  /** Told when another page, or none, is in front. */
  readonly onDidChangeActive = this.#changed.on;
  #last: Page | undefined;

  add(page: Page, view: ReportView, panel: vscode.WebviewPanel): void {
    this.#last = page;
    const listening = panel.onDidChangeViewState(() => {
      page.setVisible(panel.visible);
      if (panel.active) this.#last = page;
      this.#changed.fire();
    });
    this.#entries.set(page, { view, panel, listening });
    this.#changed.fire();
  }

  delete(page: Page): void {
    this.#entries.get(page)?.listening.dispose();
    this.#entries.delete(page);
    if (this.#last === page) this.#last = [...this.#entries.keys()].at(-1);
    this.#changed.fire();
  }

  /** The page that was in front last. */
  get last(): Page | undefined {
    return this.#last;
  }

  touch(page: Page): void {
    this.#last = page;
  }

  /** What the page in front shows; undefined when there is none in front. */
  get activeView(): ReportView | undefined {
    for (const { view, panel } of this.#entries.values()) if (panel.active) return view;
    return undefined;
  }

  /** Pages that show `view`, or all. */
  of(view?: ReportView): Page[] {
    return [...this.#entries].flatMap(([page, entry]) => (view === undefined || entry.view === view ? [page] : []));
  }
}
