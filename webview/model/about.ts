import type { PanelState } from "../../src/protocol/panel.ts";
import type { Report } from "../../src/protocol/report.ts";
import { variantsOf } from "../../src/report/breakdown.ts";
import { card, command, type CardRow } from "../../src/report/card.ts";
import { sentence } from "../../src/report/format.ts";
import { VARIANT_MEANINGS, VARIANT_NAMES } from "../../src/report/names.ts";
import { hasEditor } from "./exported.ts";

export interface AboutModel {
  readonly rows: readonly CardRow[];
  /** What to do to measure it again. */
  readonly repeats: readonly CardRow[];
  readonly notes: readonly string[];
}

export function aboutModel(state: PanelState): AboutModel | undefined {
  const { report } = state;
  if (!report) return undefined;
  return {
    rows: card(report),
    repeats: repeats(report, hasEditor(state)),
    notes: [
      ...report.model.notes,
      ...(report.importance ? [] : [whyNoImportance(report)]),
      ...variantsOf(report).map(({ name, data }) => {
        const note = data.note === undefined ? "" : ` ${sentence(data.note)}`;
        return `${VARIANT_NAMES[name]}: ${VARIANT_MEANINGS[name]}.${note}`;
      }),
    ],
  };
}

/** The editor has its own command; who reads a page may have the extension, or a checkout of the profiler. */
function repeats(report: Report, inEditor: boolean): CardRow[] {
  const editor = command(report, "editor");
  if (inEditor) return [{ name: "Repeat it", text: editor }];
  return [
    { name: "Repeat it in a terminal", text: command(report, "command line") },
    { name: "or in VS Code", text: editor },
  ];
}

function whyNoImportance({ model }: Report): string {
  return model.weights === "synthetic"
    ? "These weights are synthetic: times and memory are those of the real shape, but which blocks the model chooses means " +
        "nothing, so no importance is shown."
    : "HySparse was not among the variants, so no blocks were scored and no importance is known.";
}
