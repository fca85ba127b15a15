import { Command, CommanderError } from "commander";
import { UserError } from "../model/errors.ts";
import { decodeUtf8 } from "../model/utf8.ts";
import type { Report } from "../protocol/report.ts";
import { compareReports } from "../report/compare.ts";
import { comparisonTable, differencesTable } from "../report/comparison-table.ts";
import { timestamp } from "../report/format.ts";
import { readReport } from "../report/json.ts";
import { visible } from "../model/printable.ts";
import { MAX_REPORT_BYTES } from "../report/limits.ts";
import type { Table } from "../report/tables.ts";
import { section, wrap } from "./layout.ts";
import { Answered } from "./options.ts";
import { readWhole } from "./read-whole.ts";

export interface ReportSource {
  /** Where relative names start. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/**
 * `compare BASELINE REPORT`: holds two saved reports against each other and profiles nothing.
 * @throws UserError for files that are no reports and arguments that cannot be meant
 * @throws Answered after --help
 */
export async function compareSaved(args: readonly string[], source: ReportSource): Promise<string> {
  const program = new Command("profile compare")
    .description("Compares a saved report with an earlier one; nothing is profiled.")
    .argument("<baseline>", "the earlier report, as saved with --json")
    .argument("<report>", "the later one")
    .option("--debug", "show the stack of an unexpected error", false)
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  try {
    program.parse(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) throw new Answered();
    throw new UserError(error.message.replace(/^error: /, ""));
  }
  const [baseline = "", report = ""] = program.args;
  return comparisonText(await savedReport(baseline, source), await savedReport(report, source), baseline);
}

/**
 * Reads a baseline; the answer compares a report with it.
 * @throws UserError when the file cannot be read or is no report
 */
export async function against(name: string, source: ReportSource): Promise<(report: Report) => string> {
  const baseline = await savedReport(name, source);
  return (report) => comparisonText(baseline, report, name);
}

async function savedReport(name: string, { folder, signal }: ReportSource): Promise<Report> {
  const content = await readWhole(name, { folder, signal, limit: MAX_REPORT_BYTES, what: "a report" });
  return readReport(decodeUtf8(content, name), name);
}

/** A comparison for a terminal; names and devices come from files and are made harmless. */
function comparisonText(baseline: Report, report: Report, name: string): string {
  const comparison = compareReports(baseline, report);
  const parts = [
    wrap(visible(`Compared with ${name}, measured ${timestamp(baseline.createdAt)}: ${comparison.headline}`)),
    ...(comparison.rows.length === 0 ? [] : [section("Beside the baseline", harmless(comparisonTable(comparison)))]),
    ...(comparison.differences.length === 0
      ? []
      : [section("What is not alike", harmless(differencesTable(comparison)))]),
  ];
  return `${parts.join("\n\n")}\n`;
}

function harmless({ columns, rows }: Table): Table {
  return { columns, rows: rows.map((row) => row.map(visible)) };
}
