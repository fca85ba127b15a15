import type { Passage, Report, Swaps } from "../protocol/report.ts";

export interface FormatInfo {
  readonly label: string;
  readonly detail: string;
  /** How the file's name ends, with the dot. */
  readonly ending: string;
}

/** The forms in which a report can be exported. */
export const EXPORT_FORMATS = {
  json: {
    label: "JSON report",
    detail: "Everything that was measured; opens again in VS Code as it is now",
    ending: ".hysparse.json",
  },
  html: { label: "HTML page", detail: "Self-contained, for readers without VS Code", ending: ".html" },
  csv: { label: "CSV table", detail: "One row per variant, layer, phase and stage, for a spreadsheet", ending: ".csv" },
  trace: {
    label: "Trace",
    detail: "Layers and stages on a time line, for Perfetto or chrome://tracing",
    ending: ".trace.json",
  },
} as const satisfies Readonly<Record<string, FormatInfo>>;

export type ExportFormat = keyof typeof EXPORT_FORMATS;

export function isExportFormat(name: string): name is ExportFormat {
  return Object.hasOwn(EXPORT_FORMATS, name);
}

/** "notes/design.md" as "design.hysparse.json". */
export function fileName(report: Report, format: ExportFormat): string {
  const last = report.document.name.split(/[/\\]/u).at(-1) ?? "";
  const stem = last
    .replace(/\.[^.\s,]*(?=,|$)/u, "")
    .replace(/[^\p{L}\p{N}._-]+/gu, "-")
    .slice(0, 80);
  return `${stem === "" ? "profile" : stem}${EXPORT_FORMATS[format].ending}`;
}

/** The report with its document's text, or certainly without it. */
export function withText(report: Report, text: string | undefined): Report {
  const document = { ...report.document };
  delete document.text;
  if (text !== undefined) document.text = text;
  return {
    ...report,
    document,
    ...(report.importance
      ? {
          importance: {
            ...report.importance,
            passages: report.importance.passages.map((passage) => placeWithText(passage, text)),
          },
        }
      : {}),
    ...(report.swaps
      ? { swaps: { ...report.swaps, places: report.swaps.places.map((place) => placeWithText(place, text)) } }
      : {}),
  };
}

function placeWithText<Of extends Passage | Swaps["places"][number]>(place: Of, text: string | undefined): Of {
  const copy = { ...place };
  delete copy.text;
  if (text !== undefined) copy.text = text.slice(place.start, place.end);
  return copy;
}
