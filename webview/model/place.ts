import type { PanelState } from "../../src/protocol/panel.ts";

/** The host opens a closed document, and finds passages in an edited one that edits left alone (it says so where not). */
const REASONS: Readonly<Record<PanelState["document"], string | undefined>> = {
  current: undefined,
  edited: undefined,
  closed: undefined,
  unknown: "The profiled document is not known to this window, so its passages cannot be opened.",
};

/** Why characters of the report cannot be shown in the editor, or undefined where they can. */
export function whyNoLinks({ document }: PanelState): string | undefined {
  return REASONS[document];
}
