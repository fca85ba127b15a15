import type { PanelState } from "../../src/protocol/panel.ts";
import { hasEditor } from "./exported.ts";

/** The host opens a closed document, and finds passages in an edited one that edits left alone (it says so where not). */
const REASONS: Readonly<Record<PanelState["document"], string | undefined>> = {
  current: undefined,
  edited: undefined,
  closed: undefined,
  unknown:
    "The profiled document is not open in this window, so its passages cannot be shown. Open it to follow links.",
};

/** Why characters of the report can be shown neither in the editor nor in an exported page's text, or undefined where they can. */
export function whyNoLinks(state: PanelState): string | undefined {
  if (hasEditor(state)) return REASONS[state.document];
  return state.text === undefined
    ? "This report does not include the document's text, so passages are listed by line only."
    : undefined;
}
