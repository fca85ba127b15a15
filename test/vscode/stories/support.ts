import assert from "node:assert/strict";
import { join } from "node:path";
import * as vscode from "vscode";
import type { ExtensionApi } from "../../../src/extension/api.ts";
import type { Report } from "../../../src/protocol/report.ts";
import { finding } from "../../../src/report/finding.ts";

/** Steps that many stories share: what a user does, and waiting for what then shows. */
export const EXTENSION = "hysparse-profiler.hysparse-profiler";

/** Time for a profile of a small document on a slow and busy machine. */
export const PROFILE_MS = 240_000;

export async function extensionApi(): Promise<ExtensionApi> {
  const extension = vscode.extensions.getExtension<ExtensionApi>(EXTENSION);
  assert.ok(extension, `${EXTENSION} is not installed`);
  return await extension.activate();
}

/** Waits for something to come true, and names it when it does not. */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | PromiseLike<T | undefined | false>,
  timeoutMs = 15_000,
  everyMs = 20,
): Promise<T> {
  const started = Date.now();
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() - started > timeoutMs) {
      const error = await lastError();
      throw new Error(`${what}: not after ${timeoutMs} ms${error === undefined ? "" : `; last message: ${error}`}`);
    }
    await pause(everyMs);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function lastError(): Promise<string | undefined> {
  const extension = vscode.extensions.getExtension<ExtensionApi>(EXTENSION);
  return extension?.isActive === true ? (await extensionApi()).lastError : undefined;
}

/** Opens the command palette with this text and takes the first answer, as the Enter key does. */
export async function palette(title: string): Promise<void> {
  await vscode.commands.executeCommand("workbench.action.quickOpen", `>${title}`);
  // The list is filled after the box shows, and nothing tells when.
  await pause(600);
  await vscode.commands.executeCommand("workbench.action.acceptSelectedQuickOpenItem");
}

export function workspaceFile(name: string): vscode.Uri {
  const folder = vscode.workspace.workspaceFolders?.[0];
  assert.ok(folder, "the window has no folder");
  return vscode.Uri.joinPath(folder.uri, name);
}

/** A path that Node's file functions take. */
export function workspacePath(name: string): string {
  return join(workspaceFile("").fsPath, name);
}

export async function openFile(name: string): Promise<vscode.TextEditor> {
  const document = await vscode.workspace.openTextDocument(workspaceFile(name));
  return await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.One, preview: false });
}

export async function openText(content: string, language = "plaintext"): Promise<vscode.TextEditor> {
  const document = await vscode.workspace.openTextDocument({ content, language });
  return await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.One, preview: false });
}

export async function setting(key: string, value: unknown): Promise<void> {
  await vscode.workspace.getConfiguration("hysparse").update(key, value, vscode.ConfigurationTarget.Global);
}

/** The smallest profile that has all parts: the stories are about the editor, not about figures. */
export async function smallProfiles(): Promise<void> {
  await setting("engine", "cpu");
  await setting("repetitions", 1);
  await setting("decodeTokens", 2);
  await setting("variants", ["hysparse", "full"]);
  await setting("model", undefined);
}

/** The same of the workspace's tiny checkpoint, which loads at once: for stories that only need a profile to come to its end. */
export async function tinyProfiles(): Promise<void> {
  await smallProfiles();
  await setting("model", "tiny-checkpoint");
}

/** Lets `start` begin a profile, waits for its report to be on the screen, and gives it. */
export async function reportAfter(start: () => unknown, timeoutMs = PROFILE_MS): Promise<Report> {
  const api = await extensionApi();
  const started = Date.now();
  await start();
  const report = await until(
    "a new report",
    () => {
      const { report, job } = api.panel.state ?? {};
      if (report === undefined || report.partial !== undefined || job !== undefined) return false;
      return Date.parse(report.createdAt) >= started && report;
    },
    timeoutMs,
  );
  await painted(report);
  return report;
}

/** Waits until the panel's page has told that it shows this report's first sentence. */
export async function painted(report: Report): Promise<void> {
  const { panel } = await extensionApi();
  const [first = ""] = finding(report);
  const what = `"${first}" on the screen`;
  await until(what, () => startsWithSentence(first, panel.painted?.headline ?? ""), 30_000);
}

function startsWithSentence(text: string, sentence: string): boolean {
  return sentence.endsWith(".") && text.startsWith(sentence);
}

/** Profiles the active editor's document by command and waits for its report. */
export async function profile(): Promise<Report> {
  return await reportAfter(() => void vscode.commands.executeCommand("hysparse.profileDocument"));
}

/** Begins a profile and waits until the runtime works on it. */
export async function beginProfile(): Promise<ExtensionApi> {
  const api = await extensionApi();
  void vscode.commands.executeCommand("hysparse.profileDocument");
  await until("a busy runtime", () => api.runtime.state === "busy" && api.panel.state?.job !== undefined, PROFILE_MS);
  return api;
}

/** Waits until nothing runs. */
export async function idle(): Promise<void> {
  const api = await extensionApi();
  await until("an idle runtime", () => api.panel.state?.job === undefined && api.runtime.state !== "busy", PROFILE_MS);
}

/** Runs `attempt` and gives the message that it made the extension show. */
export async function refusal(attempt: () => unknown, timeoutMs = 15_000): Promise<string> {
  const api = await extensionApi();
  const before = api.lastError;
  await attempt();
  return await until("a message to the user", () => api.lastError !== before && api.lastError, timeoutMs);
}

export async function closeAll(): Promise<void> {
  // Reverting first: an edited document would ask whether to save it.
  for (const document of vscode.workspace.textDocuments) {
    if (!document.isDirty) continue;
    await vscode.window.showTextDocument(document);
    await vscode.commands.executeCommand("workbench.action.revertAndCloseActiveEditor");
  }
  await vscode.commands.executeCommand("workbench.action.closeAllEditors");
}
