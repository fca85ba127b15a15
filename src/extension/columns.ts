import * as vscode from "vscode";
import { isOurTab } from "./documents.ts";

/**
 * The column in which a document is shown: where it is seen already; else where a tab of it is, or another text; else
 * beside. Never over a page of ours that the user is looking at.
 */
export function columnFor(document: vscode.TextDocument): vscode.ViewColumn {
  const { visibleTextEditors, tabGroups } = vscode.window;
  const editor = visibleTextEditors.find((candidate) => candidate.document === document && candidate.viewColumn);
  if (editor?.viewColumn !== undefined) return editor.viewColumn;
  const uri = document.uri.toString();
  const holds = (tab: vscode.Tab): boolean =>
    tab.input instanceof vscode.TabInputText && tab.input.uri.toString() === uri;
  const free = tabGroups.all.filter(({ activeTab }) => !isOurTab(activeTab));
  const group =
    free.find(({ tabs }) => tabs.some(holds)) ??
    free.find(({ activeTab }) => activeTab?.input instanceof vscode.TabInputText) ??
    free[0];
  return group?.viewColumn ?? vscode.ViewColumn.Beside;
}
