import * as vscode from "vscode";
import { UserError } from "../../model/errors.ts";
import { columnFor } from "../columns.ts";
import { findDocument } from "../documents.ts";
import { neighbour, passageSpans } from "../highlights/passages.ts";
import type { Host } from "../host.ts";
import { canFollow as followable, type ReportView } from "../report-view.ts";

export async function toggleHighlights(host: Host, view: ReportView): Promise<void> {
  const { highlighter } = host;
  if (highlighter.on && highlighter.view === view) {
    highlighter.set({ on: false, follow: false });
    return;
  }
  const { subject } = view;
  if (!subject) throw new UserError("Nothing to highlight. Profile a document first.");
  if (!subject.report.importance && !subject.table) {
    throw new UserError(
      "This report has no importance: it needs the variant hysparse and trained weights (the embedded model, or a " +
        "checkpoint).",
    );
  }
  const document = await findDocument(view);
  if (!document) {
    throw new UserError(
      `Cannot find ${subject.report.document.name} as it was profiled. Open it in this window first.`,
    );
  }
  await showWithoutFocus(document);
  highlighter.set({ view, on: true });
}

export async function followCursor(host: Host, view: ReportView): Promise<void> {
  const { highlighter } = host;
  if (highlighter.follows && highlighter.view === view) {
    highlighter.set({ follow: false });
    return;
  }
  if (!view.subject?.table) {
    throw new UserError(
      "Follow the Cursor needs every token's selection, which reports do not store. Profile the document in this window " +
        "with the variant hysparse.",
    );
  }
  const document = await findDocument(view);
  if (!document || !followable(view.subject)) {
    throw new UserError(`${view.subject.report.document.name} is not open. Open it and try again.`);
  }
  await showWithoutFocus(document);
  highlighter.set({ view, on: true, follow: true });
}

export async function goToPassage(host: Host, direction: "next" | "previous"): Promise<void> {
  const { view } = host.highlighter;
  const { subject } = view;
  const document = subject && (await findDocument(view));
  const link = view.subject?.link;
  if (!subject || !document || !link) throw new UserError("No important passages. Profile a document first.");
  const spans = passageSpans(subject.report.importance?.passages ?? [], link.toDocument);
  const visible = vscode.window.visibleTextEditors.find((editor) => editor.document === document);
  const editor =
    visible ?? (await vscode.window.showTextDocument(document, { viewColumn: columnFor(document), preview: false }));
  const span = neighbour(spans, document.offsetAt(editor.selection.active), direction);
  if (!span) {
    void host.messages.info(`All important passages of ${subject.report.document.name} were edited. Profile it again.`);
    return;
  }
  const start = document.positionAt(span[0]);
  editor.selection = new vscode.Selection(start, start);
  editor.revealRange(
    new vscode.Range(start, document.positionAt(span[1])),
    vscode.TextEditorRevealType.InCenterIfOutsideViewport,
  );
  if (editor !== vscode.window.activeTextEditor) {
    await vscode.window.showTextDocument(document, { viewColumn: editor.viewColumn ?? vscode.ViewColumn.Active });
  }
}

/** Brings a document that no editor shows into one, so that its highlights are seen. */
async function showWithoutFocus(document: vscode.TextDocument): Promise<void> {
  if (vscode.window.visibleTextEditors.some((editor) => editor.document === document)) return;
  await vscode.window.showTextDocument(document, {
    viewColumn: columnFor(document),
    preserveFocus: true,
    preview: false,
  });
}
