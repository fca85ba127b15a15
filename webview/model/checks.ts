import type { PanelState } from "../../src/protocol/panel.ts";
import { coverageTables, FIDELITY_READING } from "../../src/report/fidelity-table.ts";
import { COVERAGE_MEANINGS, COVERAGE_NAMES, COVERAGES, fidelityRuns } from "../../src/report/fidelity.ts";
import { sentence } from "../../src/text/format.ts";
import { snippet } from "../../src/report/lines.ts";
import {
  coverageFinding,
  hasSelectionChecks,
  placesNote,
  swapsFinding,
  swapsScope,
} from "../../src/report/selection-finding.ts";
import { SWAP_LABELS, SWAP_MEANINGS, swapPlaces, swapsTable } from "../../src/report/swaps-table.ts";
import { wordsOf } from "./blocks.ts";
import { coverageChart, RANGE_READING, type CoverageChart } from "./coverage.ts";
import type { NamedTable } from "./named-table.ts";
import { whyNoLinks } from "./place.ts";

const SNIPPET = 200;

/** Whether the choice of blocks matters: what a swap costs here, and how much the inherited blocks cover. */
export interface ChecksModel {
  readonly message: string;
  readonly more: readonly string[];
  readonly swaps?: {
    readonly table: NamedTable;
    readonly scope: string;
    readonly places: readonly PlaceItem[];
    readonly placesNote?: string;
    readonly method: string;
    readonly meanings: readonly string[];
  };
  readonly coverage?: {
    readonly runs: readonly { readonly chart: CoverageChart; readonly sentences: readonly string[] }[];
    readonly tables: readonly NamedTable[];
    /** How charts and tables are to be read. */
    readonly reading: readonly string[];
    readonly method: string;
  };
  readonly unlinked?: string;
}

export interface PlaceItem {
  readonly start: number;
  readonly end: number;
  readonly name: string;
  readonly facts: string;
  readonly words?: string;
}

/** Undefined where nothing of it was measured. */
export function checksModel(state: PanelState): ChecksModel | undefined {
  const { report } = state;
  if (!report || !hasSelectionChecks(report)) return undefined;
  const runs = fidelityRuns(report);
  const drawn = runs.map((run) => ({ chart: coverageChart(run), sentences: coverageFinding(run) }));
  const [message, ...more] = swapsFinding(report);
  const swaps = swapsOf(state);
  const unlinked = whyNoLinks(state);
  return {
    message: message ?? "How much of what each layer looks at lies in the blocks that it inherits.",
    more,
    ...(swaps === undefined ? {} : { swaps }),
    ...(report.fidelity === undefined || runs.length === 0
      ? {}
      : {
          coverage: {
            runs: drawn,
            tables: runs.flatMap(coverageTables),
            reading: [
              ...COVERAGES.map((name) => `${sentence(COVERAGE_NAMES[name]).slice(0, -1)}: ${COVERAGE_MEANINGS[name]}.`),
              ...runs.map(({ title, meaning }) => `${title}: ${meaning}.`),
              ...(drawn.some(({ chart }) => chart.range !== undefined) ? [RANGE_READING] : []),
              FIDELITY_READING,
            ],
            method: sentence(report.fidelity.method),
          },
        }),
    ...(unlinked === undefined ? {} : { unlinked }),
  };
}

function swapsOf({ report, text }: PanelState): ChecksModel["swaps"] {
  if (report?.swaps === undefined) return undefined;
  const note = placesNote(report);
  return {
    table: { caption: "Predicting the document with other blocks", table: swapsTable(report) },
    scope: swapsScope(report) ?? "",
    places: swapPlaces(report, undefined).map(({ start, end, name, facts, words }) => {
      const shown = text === undefined ? words : wordsOf(text, start, end, SNIPPET);
      return { start, end, name, facts, ...(shown === undefined ? {} : { words: snippet(shown, SNIPPET + 1) }) };
    }),
    ...(note === undefined ? {} : { placesNote: note }),
    method: sentence(report.swaps.method),
    meanings: report.swaps.results.map(
      ({ name }) => `${sentence(SWAP_LABELS[name]).slice(0, -1)}: ${SWAP_MEANINGS[name]}.`,
    ),
  };
}
