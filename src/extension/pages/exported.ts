import { readFileSync } from "node:fs";
import { renderHtml } from "../../../webview/export.ts";
import { packageFile } from "../../model/package-root.ts";
import type { Report } from "../../protocol/report.ts";

/** The report as one page, made of the panel's own files. @param text the document's, where the report leaves it out */
export function exportedPage(report: Report, text?: string): string {
  const [script, style] = ["js", "css"].map((kind) => readFileSync(packageFile(`dist/webview/panel.${kind}`), "utf8"));
  return renderHtml(report, { script: script!, style: style! }, text);
}
