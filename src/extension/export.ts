import * as vscode from "vscode";
import { UserError } from "../model/errors.ts";
import type { Report } from "../protocol/report.ts";
import { withText, type ExportFormat } from "./export-formats.ts";
import { textOf, type ReportView } from "./report-view.ts";
import { readSettings } from "./settings.ts";
import { writeWhole } from "./write-whole.ts";

/**
 * Writes the view's report to a file. The document's text goes in only where the settings ask for it.
 * @throws UserError when there is no report, or its text is asked for and not at hand
 */
export async function exportTo(view: ReportView, format: ExportFormat, target: vscode.Uri): Promise<void> {
  const { subject } = view;
  if (!subject) throw new UserError("No report to export. Profile a document first.");
  const { includeText } = readSettings(subject.link?.document?.uri);
  const text = includeText ? textOf(subject) : undefined;
  if (includeText && text === undefined) {
    throw new UserError(
      "hysparse.includeText is on, but the document is closed or was edited. Open it as it " +
        "was profiled, or turn the setting off.",
    );
  }
  await writeWhole(target, await render(withText(subject.report, text), format));
}

async function render(shown: Report, format: ExportFormat): Promise<string> {
  const { asKept, exportedPage, serialize, toCsv, traceText } = await import("./heavy.ts");
  // A run that still goes on will not go on in the file.
  const report = asKept(shown);
  switch (format) {
    case "json":
      return serialize(report);
    case "html":
      return exportedPage(report);
    case "csv":
      return toCsv(report);
    case "trace":
      return traceText(report);
  }
}
