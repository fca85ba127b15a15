import type { PanelState } from "../../src/protocol/panel.ts";
import type { Report } from "../../src/protocol/report.ts";
import { variantsOf } from "../../src/report/breakdown.ts";
import { cutText } from "../../src/report/card.ts";
import { finding } from "../../src/report/finding.ts";
import { bytes, duration, plural, rangeText, timestamp } from "../../src/text/format.ts";
import { VARIANT_MEANINGS, VARIANT_NAMES } from "../../src/report/names.ts";
import { partialNote } from "../../src/report/partial.ts";
import { roundsWords } from "../../src/report/ratio.ts";
import { hasEditor } from "./exported.ts";
import { whyNoLinks } from "./place.ts";

/** A figure with the range of its rounds, where there is one. */
export interface Figure {
  readonly text: string;
  readonly range?: string;
}

export interface HeadlineModel {
  readonly document: string;
  /** The sentence a reader must take away, and the ones that qualify it. */
  readonly lead: string;
  readonly more: readonly string[];
  readonly warnings: readonly string[];
  readonly columns: readonly string[];
  readonly rows: readonly { readonly name: string; readonly meaning: string; readonly figures: readonly Figure[] }[];
  readonly device: string;
  readonly note?: string;
  /** Absent where nobody could carry them out. */
  readonly actions?: Actions;
}

/** What the buttons can do now. */
export interface Actions {
  readonly comparing: boolean;
  readonly highlights: boolean;
  readonly follow: boolean;
  readonly canFollow: boolean;
  /** Whether there is importance to show in the text. */
  readonly canHighlight: boolean;
  readonly busy: boolean;
  readonly trusted: boolean;
}

export function headlineModel(state: PanelState): HeadlineModel | undefined {
  const { report } = state;
  if (!report) return undefined;
  const { lead, more } = leadOf(finding(report));
  const editor = hasEditor(state);
  const note = report.importance && editor ? whyNoLinks(state) : undefined;
  return {
    document: `${report.document.name}, ${plural(report.document.tokens, "token")}`,
    lead,
    more,
    warnings: warningsOf(report),
    ...figures(report),
    device: deviceLine(report, state.source),
    ...(note === undefined ? {} : { note: note }),
    ...(editor ? { actions: actionsOf(state, report) } : {}),
  };
}

function actionsOf({ baseline, highlights, follow, canFollow, job, trusted }: PanelState, report: Report): Actions {
  return {
    comparing: baseline !== undefined,
    highlights,
    follow,
    canFollow,
    canHighlight: report.importance !== undefined,
    busy: job !== undefined,
    trusted,
  };
}

/** The finding's first sentence stands alone; the sentences after it explain it. */
function leadOf([first = "", ...others]: readonly string[]): { lead: string; more: string[] } {
  const end = /[.] (?=[A-Z])/.exec(first)?.index;
  if (end === undefined) return { lead: first, more: others };
  return { lead: first.slice(0, end + 1), more: [first.slice(end + 2), ...others] };
}

/** What must be known before a figure is believed, each said once. */
export function warningsOf(report: Report): string[] {
  const cut = report.document.truncated ? [cutText(report)] : [];
  return [...new Set([partialNote(report) ?? [], cut, report.warnings].flat())];
}

function figures(report: Report): Pick<HeadlineModel, "columns" | "rows"> {
  const variants = variantsOf(report);
  const decode = variants.some(({ data }) => data.totals.timePerOutputTokenMs !== undefined);
  return {
    columns: ["Prefill", ...(decode ? ["Per output token"] : []), "KV memory", "Peak memory"],
    rows: variants.map(({ name, data: { totals } }) => ({
      name: VARIANT_NAMES[name],
      meaning: VARIANT_MEANINGS[name],
      figures: [
        timed(totals.prefillMs, totals.prefillMinMs, totals.prefillMaxMs, totals.prefillSamples.length),
        ...(decode
          ? [
              timed(
                totals.timePerOutputTokenMs,
                totals.timePerOutputTokenMinMs,
                totals.timePerOutputTokenMaxMs,
                totals.timePerOutputTokenSamples?.length ?? 1,
              ),
            ]
          : []),
        { text: bytes(totals.kvBytes) },
        { text: totals.peakBytes === undefined ? "-" : bytes(totals.peakBytes) },
      ],
    })),
  };
}

function timed(median: number | undefined, min: number | undefined, max: number | undefined, runs: number): Figure {
  if (median === undefined) return { text: "-" };
  if (min === undefined || max === undefined || runs < 2) return { text: duration(median) };
  return { text: duration(median), range: rangeText(duration(min), duration(max)) };
}

const SOURCES: Readonly<Record<PanelState["source"], string>> = {
  profile: ", measured here",
  file: ", from a report file",
  sample: ", a sample included with the extension, not measured on this machine",
  // It may have come from anywhere before it was exported.
  page: "",
};

function deviceLine(report: Report, source: PanelState["source"]): string {
  const { environment, model, settings, createdAt } = report;
  const where = environment.gpu?.software === true ? `${environment.device}, software on the CPU` : environment.device;
  const runs = settings.repetitions === 1 ? "one run of each; " : `medians of ${roundsWords(report)}; `;
  return (
    `On ${where} (${environment.engine} engine), ${model.name} with ${model.weights} weights; ` +
    (variantsOf(report).length === 0 ? "" : runs) +
    `${timestamp(createdAt)}${SOURCES[source]}.`
  );
}
