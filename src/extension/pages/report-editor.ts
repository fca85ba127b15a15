import * as vscode from "vscode";
import { messageOf } from "../../model/errors.ts";
import { linkOpenDocument } from "../documents.ts";
import type { Host } from "../host.ts";
import { readReportFile } from "../report-file.ts";
import { ReportView } from "../report-view.ts";
import { failurePage, REOPEN_AS_TEXT } from "./failure-page.ts";
import { Page } from "./page.ts";
import { REPORT_TYPE } from "./types.ts";

/** Time for a program that writes the file to finish. */
const SETTLE_MS = 150;

/** A report's file, read anew whenever it changes on disk. All its editors share the view. */
class ReportDocument implements vscode.CustomDocument {
  readonly uri: vscode.Uri;
  readonly view = new ReportView();
  /** Why the file is no report. */
  problem: string | undefined;
  /** Told when the file was read. */
  onDidRead: (() => void)[] = [];
  readonly #endings: vscode.Disposable[];
  #settling: NodeJS.Timeout | undefined;

  constructor(uri: vscode.Uri) {
    this.uri = uri;
    const folder = vscode.Uri.joinPath(uri, "..");
    const name = uri.path.slice(uri.path.lastIndexOf("/") + 1);
    const watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(folder, escapeGlob(name)));
    const later = (): void => {
      clearTimeout(this.#settling);
      this.#settling = setTimeout(() => void this.read(), SETTLE_MS);
    };
    this.#endings = [
      watcher,
      watcher.onDidChange(later),
      watcher.onDidCreate(later),
      vscode.workspace.onDidOpenTextDocument((opened) => linkOpenDocument(this.view, [opened])),
    ];
  }

  async read(): Promise<void> {
    try {
      const report = await readReportFile(this.uri);
      this.problem = undefined;
      this.view.show({ report, source: "file" });
      linkOpenDocument(this.view);
    } catch (error) {
      this.problem = messageOf(error);
    }
    for (const listener of this.onDidRead) listener();
  }

  dispose(): void {
    clearTimeout(this.#settling);
    for (const ending of this.#endings) ending.dispose();
    this.view.dispose();
  }
}

/** Shows *.hysparse.json in the same page as the panel; a file that is no report gets a page that says so. */
export class ReportEditor implements vscode.CustomReadonlyEditorProvider<ReportDocument> {
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  static register(host: Host): vscode.Disposable {
    return vscode.window.registerCustomEditorProvider(REPORT_TYPE, new ReportEditor(host), {
      supportsMultipleEditorsPerDocument: true,
    });
  }

  async openCustomDocument(uri: vscode.Uri): Promise<ReportDocument> {
    const document = new ReportDocument(uri);
    document.view.onDidChange(() => this.#host.refresh(document.view));
    await document.read();
    return document;
  }

  resolveCustomEditor(document: ReportDocument, panel: vscode.WebviewPanel): void {
    let page: Page | undefined;
    const show = (openedAt: number): void => {
      if (document.problem !== undefined) {
        this.#close(page);
        page = undefined;
        this.#refuse(document.problem, panel);
      } else if (!page) {
        page = new Page(panel.webview, this.#host.pageHost(document.view), openedAt);
        this.#host.pages.add(page, document.view, panel);
      }
    };
    const reread = (): void => show(performance.now());
    document.onDidRead.push(reread);
    panel.onDidDispose(() => {
      document.onDidRead = document.onDidRead.filter((listener) => listener !== reread);
      this.#close(page);
    });
    show(performance.now());
  }

  #close(page: Page | undefined): void {
    if (!page) return;
    this.#host.pages.delete(page);
    page.dispose();
  }

  #refuse(problem: string, panel: vscode.WebviewPanel): void {
    panel.webview.options = { enableScripts: false, enableCommandUris: [REOPEN_AS_TEXT], localResourceRoots: [] };
    panel.webview.html = failurePage(problem);
    const asText = "Open as Text";
    void this.#host.messages.error(problem, asText).then((chosen) => {
      if (chosen !== asText) return;
      panel.reveal();
      void vscode.commands.executeCommand(REOPEN_AS_TEXT);
    });
  }
}

/** A file's name as a glob pattern that means only this file. */
function escapeGlob(name: string): string {
  return name.replace(/[*?{}[\]]/gu, "[$&]");
}
