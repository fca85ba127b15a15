import type { PanelState } from "../../src/protocol/panel.ts";
import { compareReports } from "../../src/report/compare.ts";
import { comparisonTable, differencesTable } from "../../src/report/comparison-table.ts";
import { timestamp } from "../../src/text/format.ts";
import type { NamedTable } from "./named-table.ts";

export interface ComparisonModel {
  readonly baseline: string;
  readonly headline: string;
  readonly figures?: NamedTable;
  readonly differences?: NamedTable;
}

/** Undefined while nothing is compared. */
export function comparisonModel({ report, baseline }: PanelState): ComparisonModel | undefined {
  if (!report || !baseline) return undefined;
  const comparison = compareReports(baseline.report, report);
  return {
    baseline: `${baseline.name}, ${timestamp(baseline.report.createdAt)}`,
    headline: comparison.headline,
    ...(comparison.rows.length === 0
      ? {}
      : { figures: { caption: "This report and the baseline", table: comparisonTable(comparison) } }),
    ...(comparison.differences.length === 0
      ? {}
      : { differences: { caption: "What differs", table: differencesTable(comparison) } }),
  };
}
