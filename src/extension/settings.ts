import * as vscode from "vscode";
import { settingsFrom, type Settings } from "./settings-values.ts";

const SECTION = "hysparse";

/** Settings that a workspace's folders may have each for themselves (scope "resource" in package.json). */
const OF_THE_DOCUMENT: ReadonlySet<string> = new Set(["model"]);

/** The settings for a document. VS Code itself leaves out what an untrusted workspace may not set (package.json). */
export function readSettings(scope?: vscode.Uri): Settings {
  const window = vscode.workspace.getConfiguration(SECTION);
  const document = vscode.workspace.getConfiguration(SECTION, scope ?? null);
  return settingsFrom((name) => (OF_THE_DOCUMENT.has(name) ? document : window).get<unknown>(name));
}

/** Writes a setting where it is set already, else for the user. */
export async function writeSetting(name: string, value: string, scope?: vscode.Uri): Promise<void> {
  const configuration = vscode.workspace.getConfiguration(SECTION, scope ?? null);
  const set = configuration.inspect(name);
  let target = vscode.ConfigurationTarget.Global;
  // In an untrusted workspace a restricted setting of the workspace is ignored: writing it there would change nothing.
  if (vscode.workspace.isTrusted) {
    if (set?.workspaceFolderValue !== undefined) target = vscode.ConfigurationTarget.WorkspaceFolder;
    else if (set?.workspaceValue !== undefined) target = vscode.ConfigurationTarget.Workspace;
  }
  await configuration.update(name, value, target);
}
