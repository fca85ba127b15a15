import * as vscode from "vscode";
import { messageOf, UserError } from "../../model/errors.ts";
import { columnFor } from "../columns.ts";
import { DocumentLink } from "../document-link.ts";
import { wholeOrigin } from "../documents.ts";
import { exportTo } from "../export.ts";
import { EXPORT_FORMATS, fileName, isExportFormat, type ExportFormat } from "../export-formats.ts";
import type { Host } from "../host.ts";
import { REPORT_TYPE } from "../pages/types.ts";
import { readReportFile } from "../report-file.ts";
import type { ReportView } from "../report-view.ts";
import { readSettings } from "../settings.ts";

const SAMPLE = ["media", "samples"] as const;

export async function exportReport(host: Host, view: ReportView): Promise<void> {
  const { subject } = view;
  if (!subject) throw new UserError("No report to export. Profile a document first.");
  const format = await pickFormat();
  if (!format) return;
  const folder = folderFor(view);
  const name = fileName(subject.report, format);
  const target = await vscode.window.showSaveDialog({
    title: "HySparse: Export Report",
    ...(folder ? { defaultUri: vscode.Uri.joinPath(folder, name) } : {}),
  });
  if (!target) return;
  try {
    await exportTo(view, format, target);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`Cannot write ${target.fsPath}: ${messageOf(error)}`);
  }
  const open = "Open";
  const chosen = await host.messages.info(`Report saved to ${target.fsPath}.`, open);
  if (chosen === open) await vscode.commands.executeCommand("vscode.open", target);
}

export async function openReport(): Promise<void> {
  const uri = await pickReport("HySparse: Open Report", "Open");
  if (uri) await vscode.commands.executeCommand("vscode.openWith", uri, REPORT_TYPE);
}

export async function compare(host: Host, view: ReportView): Promise<void> {
  if (!view.subject) throw new UserError("No report to compare. Profile a document first.");
  const uri = await pickReport("HySparse: Compare with Report", "Compare");
  if (uri) await compareWith(host, view, uri);
}

/** @throws UserError when the file is no report */
export async function compareWith(host: Host, view: ReportView, uri: vscode.Uri): Promise<void> {
  if (!view.subject) throw new UserError("No report to compare. Profile a document first.");
  const report = await readReportFile(uri);
  view.compareWith({ name: uri.path.slice(uri.path.lastIndexOf("/") + 1), report });
  if (view === host.session.view) host.panel.show({ focus: false });
}

export function endCompare(_host: Host, view: ReportView): void {
  view.compareWith(undefined);
}

export async function showPanel(host: Host): Promise<void> {
  host.panel.show({ focus: true });
  // A sample only covers the last profile.
  const { view } = host.session;
  if (view.subject?.source !== "sample") return;
  const last = await host.store.load();
  if (!last) return;
  view.show(last);
  host.highlighter.set({ view, on: readSettings().highlights });
}

export async function showSample(host: Host): Promise<void> {
  const folder = vscode.Uri.joinPath(host.extensionUri, ...SAMPLE);
  const report = await readReportFile(vscode.Uri.joinPath(folder, "design-note.hysparse.json"));
  const document = await vscode.workspace.openTextDocument(vscode.Uri.joinPath(folder, "design-note.md"));
  await vscode.window.showTextDocument(document, { viewColumn: columnFor(document), preview: false });
  const origin = wholeOrigin(document, report.document.characters, report.document.sha256);
  const { view } = host.session;
  view.compareWith(undefined);
  view.show({ report, source: "sample", link: new DocumentLink(origin) });
  host.highlighter.set({ view, on: true, follow: false });
  host.panel.show({ focus: false });
}

async function pickFormat(): Promise<ExportFormat | undefined> {
  const items = Object.entries(EXPORT_FORMATS).map(([id, { label, detail, ending }]) => ({
    id,
    label,
    description: `*${ending}`,
    detail,
  }));
  const picked = await vscode.window.showQuickPick(items, {
    title: "HySparse: Export Report",
    placeHolder: "Select a format",
    matchOnDetail: true,
  });
  return picked && isExportFormat(picked.id) ? picked.id : undefined;
}

async function pickReport(title: string, openLabel: string): Promise<vscode.Uri | undefined> {
  const uris = await vscode.window.showOpenDialog({
    title,
    openLabel,
    canSelectMany: false,
    filters: { "HySparse reports": ["json"], "All files": ["*"] },
  });
  return uris?.[0];
}

/** Beside the document where it is a file, else in the workspace. */
function folderFor(view: ReportView): vscode.Uri | undefined {
  const document = view.subject?.link?.document;
  if (document && view.subject.source !== "sample" && document.uri.scheme === "file") {
    return vscode.Uri.joinPath(document.uri, "..");
  }
  return vscode.workspace.workspaceFolders?.[0]?.uri;
}
