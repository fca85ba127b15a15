import * as vscode from "vscode";
import { LineMap, withPlainEnds } from "../model/line-ends.ts";
import type { Report } from "../protocol/report.ts";
import { DocumentLink, lengthOf, type Origin } from "./document-link.ts";
import { sha256 } from "./hash.ts";
import { PANEL_TYPE, REPORT_TYPE } from "./pages/types.ts";
import type { ReportView } from "./report-view.ts";
import type { Showing } from "./target.ts";

/** A page of ours: the panel, or a report editor. */
export function isOurTab(tab: vscode.Tab | undefined): boolean {
  const input: unknown = tab?.input;
  if (input instanceof vscode.TabInputCustom) return input.viewType === REPORT_TYPE;
  // VS Code puts a prefix of its own before the type of an extension's webview.
  return input instanceof vscode.TabInputWebview && input.viewType.endsWith(PANEL_TYPE);
}

/** What the active tab holds. */
export function activeTab(): Showing["tab"] {
  const tab = vscode.window.tabGroups.activeTabGroup.activeTab;
  const input: unknown = tab?.input;
  if (tab === undefined) return "none";
  if (input instanceof vscode.TabInputNotebook || input instanceof vscode.TabInputNotebookDiff) return "notebook";
  if (isOurTab(tab)) return "ours";
  if (input instanceof vscode.TabInputCustom) return "custom";
  if (input instanceof vscode.TabInputWebview) return "webview";
  if (input instanceof vscode.TabInputTerminal) return "terminal";
  if (input instanceof vscode.TabInputText || input instanceof vscode.TabInputTextDiff) return "text";
  // A tab of a kind that VS Code tells extensions nothing of (an image, a merge, a comparison of many files, settings).
  if (input === undefined) return "unknown";
  return "none";
}

/** The text editor of the active tab; else, where a page is in front, one beside it. */
export function activeEditor(): vscode.TextEditor | undefined {
  const input: unknown = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  const { activeTextEditor, visibleTextEditors } = vscode.window;
  if (input instanceof vscode.TabInputText) return editorOf(input.uri);
  // The side of a diff that has the focus; the text of the later one where the focus is elsewhere (an output channel).
  if (input instanceof vscode.TabInputTextDiff) {
    const sides = [input.original, input.modified].map(String);
    const focused = activeTextEditor && sides.includes(activeTextEditor.document.uri.toString());
    return focused ? activeTextEditor : editorOf(input.modified);
  }
  // Output channels and the inputs of views have no column.
  return visibleTextEditors.find(({ viewColumn }) => viewColumn !== undefined);
}

function editorOf(uri: vscode.Uri): vscode.TextEditor | undefined {
  const { activeTextEditor, visibleTextEditors } = vscode.window;
  const shows = (editor: vscode.TextEditor): boolean => editor.document.uri.toString() === uri.toString();
  return activeTextEditor && shows(activeTextEditor) ? activeTextEditor : visibleTextEditors.find(shows);
}

/** A document's name for people and reports: within the workspace, or the file's alone. */
export function nameOf({ uri }: vscode.TextDocument): string {
  const relative = vscode.workspace.asRelativePath(uri, false);
  const inside = vscode.workspace.getWorkspaceFolder(uri) !== undefined;
  return inside ? relative : uri.path.slice(uri.path.lastIndexOf("/") + 1);
}

/** Links a report that came from a file to an open document with its text. */
export function linkOpenDocument(view: ReportView, documents = vscode.workspace.textDocuments): boolean {
  const { subject } = view;
  if (!subject || subject.link) return false;
  const { characters, sha256: wanted } = subject.report.document;
  const found = documents.find(
    (document) => lengthOf(document) === characters && sha256(document.getText()) === wanted,
  );
  if (found) view.relink(new DocumentLink(wholeOrigin(found, characters, wanted), found));
  return found !== undefined || linkByLines(view, subject.report, documents);
}

/** The same for a document whose lines are the profiled ones: the editor gives all lines of a text one end. */
function linkByLines(view: ReportView, report: Report, documents: readonly vscode.TextDocument[]): boolean {
  const { lines, sha256: own, normalizedSha256 = own, lineEnds = [] } = report.document;
  const found = documents.find(
    (document) => document.lineCount === lines && sha256(withPlainEnds(document.getText())) === normalizedSha256,
  );
  if (!found) return false;
  const text = found.getText();
  const origin = wholeOrigin(found, text.length, sha256(text));
  view.relink(new DocumentLink(origin, found, new LineMap(text, lineEnds)));
  return true;
}

/** The document of a view's report, opened where it is closed and where it is known; undefined when it is not found. */
export async function findDocument(view: ReportView): Promise<vscode.TextDocument | undefined> {
  const { subject } = view;
  if (!subject) return undefined;
  if (subject.link) return subject.link.document ?? (await openAgain(vscode.Uri.parse(subject.link.origin.uri)));
  for (const folder of vscode.workspace.workspaceFolders ?? []) {
    const document = await openAgain(vscode.Uri.joinPath(folder.uri, subject.report.document.name));
    if (document && linkOpenDocument(view, [document])) return document;
  }
  return undefined;
}

export function wholeOrigin(document: vscode.TextDocument, length: number, hash: string): Origin {
  return { uri: document.uri.toString(), base: 0, whole: true, length, sha256: hash };
}

async function openAgain(uri: vscode.Uri): Promise<vscode.TextDocument | undefined> {
  // An untitled document that was closed is gone: opening it again would make an empty one.
  if (uri.scheme === "untitled") return undefined;
  try {
    return await vscode.workspace.openTextDocument(uri);
  } catch {
    return undefined;
  }
}
