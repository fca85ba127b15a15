import { UserError } from "../model/errors.ts";
import { visibleJson } from "../model/printable.ts";
import { inconsistencies } from "../profile/report-consistency.ts";
import { reportSchema, SCHEMA_VERSION, type Report } from "../protocol/report.ts";

type Json = string | number | boolean | null | Json[] | { readonly [key: string]: Json };

/** One line, for pipes. */
export function serializeLine(report: Report): string {
  return visibleJson(JSON.stringify(report));
}

/** For files: two spaces a level, but a list of plain values stays on one line, so that people can read and diff it. */
export function serialize(report: Report): string {
  // Through JSON once, so that absent optional fields are gone.
  return visibleJson(`${print(JSON.parse(JSON.stringify(report)) as Json, "")}\n`);
}

function print(value: Json, indent: string): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    if (value.every((item) => typeof item !== "object" || item === null)) {
      return `[${value.map((item) => JSON.stringify(item)).join(", ")}]`;
    }
    return `[\n${value.map((item) => inner + print(item, inner)).join(",\n")}\n${indent}]`;
  }
  const entries = Object.entries(value);
  if (entries.length === 0) return "{}";
  const body = entries.map(([key, item]) => `${inner}${JSON.stringify(key)}: ${print(item, inner)}`);
  return `{\n${body.join(",\n")}\n${indent}}`;
}

/**
 * Reads a report that was saved earlier, or by somebody else.
 * @throws UserError with one sentence that names `source` and, for a broken field, its path
 */
export function readReport(text: string, source: string): Report {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError(`${source} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof value !== "object" || value === null || !("schemaVersion" in value)) {
    throw new UserError(`${source} is not a HySparse report: it has no schemaVersion`);
  }
  if (value.schemaVersion !== SCHEMA_VERSION) {
    throw new UserError(
      `${source} is a report of format ${JSON.stringify(value.schemaVersion)}; this version reads format ${SCHEMA_VERSION}`,
    );
  }
  const result = reportSchema.safeParse(value);
  const problems = result.success
    ? inconsistencies(result.data)
    : result.error.issues.map(({ path, message }) => ({ path: pathText(path), problem: message }));
  const [first] = problems;
  if (result.success && first === undefined) return result.data;
  const more = problems.length - 1;
  throw new UserError(
    `${source} is not a valid report: ${first?.path ?? "the document"}: ${first?.problem ?? "unknown problem"}` +
      (more > 0 ? ` (and ${more} more)` : ""),
  );
}

/** ["variants", "full", "layers", 3] as variants.full.layers[3]. */
function pathText(path: readonly PropertyKey[]): string {
  const text = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("");
  return text === "" ? "the document" : text.replace(/^\./, "");
}
