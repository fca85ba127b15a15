import type { Report } from "../../src/protocol/report.ts";
import type { PanelState } from "../../src/protocol/panel.ts";

/** The element of an exported page that holds the one message that it gets, as JSON. */
export const MESSAGE_ID = "message";

/** What a host would tell the page that shows this report and nothing else. */
export function exportedState(report: Report, text: string | undefined): PanelState {
  return {
    report,
    source: "page",
    document: "unknown",
    ...(text === undefined ? {} : { text }),
    highlights: false,
    follow: false,
    canFollow: false,
    trusted: true,
  };
}

/** Whether there is an editor beside the page, in which places are shown and commands run. */
export function hasEditor({ source }: PanelState): boolean {
  return source !== "page";
}
