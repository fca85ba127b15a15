import type { Report } from "../profile/report.ts";
import { toCsv } from "../report/csv.ts";
import { renderHtml } from "../report/html.ts";
import { serialize, serializeLine } from "../report/json.ts";
import { traceText } from "../report/trace.ts";

/** A report in the form that an output option asks for. */
export function render(option: string, report: Report, text: string): string {
  switch (option) {
    case "--json":
      return serialize(report);
    case "json-line":
      return serializeLine(report);
    case "--html":
      return renderHtml(report, text);
    case "--csv":
      return toCsv(report);
    case "--trace":
      return traceText(report);
    default:
      throw new Error(`no exporter for ${option}`);
  }
}
