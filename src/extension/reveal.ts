import * as vscode from "vscode";
import { columnFor } from "./columns.ts";
import { findDocument } from "./documents.ts";
import type { Span } from "./highlights/ranges.ts";
import type { Messages } from "./messages.ts";
import type { ReportView } from "./report-view.ts";

/** Shows and selects a range of the profiled text in its document, which is opened where that is needed and possible. */
export async function reveal(messages: Messages, view: ReportView, range: Span, focus: boolean): Promise<void> {
  const { subject } = view;
  if (!subject) return;
  const name = subject.report.document.name;
  const document = await findDocument(view);
  if (!document) {
    void messages.warn(`Cannot find ${name} as it was profiled. Open it in this window and click again.`);
    return;
  }
  const place = view.subject?.link?.toDocument(...range);
  const selection = place && new vscode.Selection(document.positionAt(place[0]), document.positionAt(place[1]));
  await vscode.window.showTextDocument(document, {
    viewColumn: columnFor(document),
    preserveFocus: !focus,
    preview: false,
    ...(selection ? { selection } : {}),
  });
  if (!selection) {
    void messages.warn(`This passage of ${name} was edited after profiling. Profile it again to find it.`);
  }
}
