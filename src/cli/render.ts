import type { Report } from "../protocol/report.ts";
import { toCsv } from "../report/csv.ts";
import { serialize, serializeLine } from "../report/json.ts";
import { traceText } from "../report/trace.ts";

/** A report in the form that an output option asks for. */
export async function render(option: string, report: Report, text: string): Promise<string> {
  switch (option) {
    case "--json":
      return serialize(report);
    case "json-line":
      return serializeLine(report);
    case "--html":
      return page(report, text);
    case "--csv":
      return toCsv(report);
    case "--trace":
      return traceText(report);
    default:
      throw new Error(`no exporter for ${option}`);
  }
}

/** Loaded only here: it brings the bundler. */
async function page(report: Report, text: string): Promise<string> {
  const [{ pageCode }, { renderHtml }] = await Promise.all([
    import("../build/bundles.ts"),
    import("../../webview/export.ts"),
  ]);
  return renderHtml(report, await pageCode(), text);
}
