import type { Variant } from "../engine/engine.ts";
import type { SoFar } from "../protocol/jobs.ts";
import type { MissingPart } from "../protocol/partial.ts";
import type { Report } from "../protocol/report.ts";
import { count, duration, lines, plural, rangeText, remaining } from "../text/format.ts";
import { variantsOf } from "./breakdown.ts";
import { PHASE_NAMES, QUERY_WORDS, VARIANT_NAMES, type PhaseName } from "./names.ts";
import { decodeOf, prefillOf, type Measured } from "./spread.ts";

/** That a report is partial, and what it lacks; undefined of complete ones. Whoever shows a report says it first. */
export function partialNote(report: Report): string | undefined {
  const { partial } = report;
  if (partial === undefined) return undefined;
  const missing = partial.missing.map((part) => missingWords(report, part)).join(", ");
  return partial.state === "running"
    ? `The run is still going on. Still to come: ${missing}.`
    : `Partial report, saved before the run was complete. Not measured: ${missing}.`;
}

function missingWords(report: Report, part: MissingPart): string {
  switch (part) {
    case "selection":
      return "selected blocks";
    case "prefill":
    case "decode":
      return figures(report, part).length === 0 ? `${part} times` : `more rounds of ${part}`;
    case "peak":
      return "peak memory";
    case "sweep":
      return "other context lengths";
    case "fidelity":
      return "oracle fidelity";
    case "swaps":
      return "selection swaps";
    case "oracleMap":
      return "oracle map";
  }
}

/** Whether a partial report holds anything that was measured of the document. */
export function holdsResults({ selection, variants }: Report): boolean {
  return selection !== undefined || Object.keys(variants).length > 0;
}

/** The same as all that is kept of its run; complete reports as they are. */
export function asKept(report: Report): Report {
  return report.partial === undefined ? report : { ...report, partial: { ...report.partial, state: "stopped" } };
}

/** What a stopped run leaves; undefined where it had not come to anything worth keeping. */
export function keptReport(report: Report | undefined): Report | undefined {
  return report !== undefined && holdsResults(report) ? asKept(report) : undefined;
}

/** "about 6 min 5 s; the first 4,000 tokens alone about 40 s". */
export function estimateWords({ ms, shorter }: NonNullable<SoFar["estimate"]>): string {
  const alone = shorter && `; the first ${count(shorter.tokens)} tokens alone about ${remaining(shorter.ms)}`;
  return `about ${remaining(ms)}${alone ?? ""}`;
}

/** What is there now that was not before, a line each. */
export function news(before: SoFar | undefined, { report, estimate }: SoFar): string[] {
  const { document, environment, importance } = report;
  const said: string[] = [];
  if (before === undefined) {
    said.push(`${document.name}: ${plural(document.tokens, "token")}, ${environment.device} (${environment.engine})`);
  }
  if (estimate !== undefined && before?.estimate === undefined) said.push(`whole run: ${estimateWords(estimate)}`);
  if (importance !== undefined && before?.report.importance === undefined) {
    const places = importance.passages.slice(0, 3).map(({ startLine, endLine }) => lines(startLine, endLine));
    said.push(`most attended passages (${QUERY_WORDS[importance.queries]}): ${places.join(", ") || "none stands out"}`);
  }
  for (const phase of ["prefill", "decode"] as const) {
    const now = figures(report, phase);
    const first = before === undefined || figures(before.report, phase).length === 0;
    const ended = isMissing(before?.report, phase) && !isMissing(report, phase);
    if (now.length > 0 && (first || ended))
      said.push(`${PHASE_NAMES[phase]}${roundsSoFar(report, phase)}: ${now.join(", ")}`);
  }
  return said;
}

function isMissing(report: Report | undefined, part: MissingPart): boolean {
  return report?.partial?.missing.includes(part) === true;
}

function roundsSoFar(report: Report, phase: PhaseName): string {
  const rounds = Math.max(...measured(report, phase).map(({ of }) => of.samples));
  return isMissing(report, phase) ? ` after ${plural(rounds, "round")}` : `, ${plural(rounds, "round")}`;
}

/** "HySparse 2.67 s (2.60 - 2.81 s)" of each variant that has such times. */
function figures(report: Report, phase: PhaseName): string[] {
  return measured(report, phase).map(({ name, of: { median, min, max, samples } }) => {
    const range = samples > 1 ? ` (${rangeText(duration(min), duration(max))})` : "";
    return `${VARIANT_NAMES[name]} ${duration(median)}${range}`;
  });
}

function measured(report: Report, phase: PhaseName): { readonly name: Variant; readonly of: Measured }[] {
  return variantsOf(report).flatMap(({ name, data }) => {
    const of = phase === "prefill" ? prefillOf(data) : decodeOf(data);
    return of === undefined ? [] : [{ name, of }];
  });
}
