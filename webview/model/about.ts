import type { PanelState } from "../../src/protocol/panel.ts";
import type { Report } from "../../src/profile/report.ts";
import { variantsOf } from "../../src/report/breakdown.ts";
import { card, command, type CardRow } from "../../src/report/card.ts";
import { sentence } from "../../src/report/format.ts";
import { VARIANT_MEANINGS, VARIANT_NAMES } from "../../src/report/names.ts";

export interface AboutModel {
  readonly rows: readonly CardRow[];
  readonly command: string;
  readonly notes: readonly string[];
}

export function aboutModel({ report }: PanelState): AboutModel | undefined {
  if (!report) return undefined;
  return {
    rows: card(report),
    command: command(report, "editor"),
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

function whyNoImportance({ model }: Report): string {
  return model.weights === "synthetic"
    ? "These weights are synthetic: times and memory are those of the real shape, but which blocks the model chooses means " +
        "nothing, so no importance is shown."
    : "HySparse was not among the variants, so no blocks were scored and no importance is known.";
}
