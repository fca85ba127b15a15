import type { PanelState } from "../../src/protocol/panel.ts";
import { variantsOf } from "../../src/report/breakdown.ts";
import { card, command, type CardRow } from "../../src/report/card.ts";
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
    command: command(report),
    notes: [
      ...report.model.notes,
      ...variantsOf(report).map(({ name, data }) => {
        const note = data.note === undefined ? "" : ` ${sentence(data.note)}`;
        return `${VARIANT_NAMES[name]}: ${VARIANT_MEANINGS[name]}.${note}`;
      }),
    ],
  };
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/[.]$/, "")}.`;
}
