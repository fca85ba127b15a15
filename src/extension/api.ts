import type * as vscode from "vscode";
import type { PanelState } from "../protocol/panel.ts";
import type { RuntimeState } from "../runtime/runtime.ts";
import type { Painted } from "./pages/page.ts";
import { exportTo } from "./export.ts";
import type { ExportFormat } from "./export-formats.ts";
import { compareWith } from "./commands/reports.ts";
import type { Host } from "./host.ts";

/** What the extension answers to whoever activates it: its state, for tests in a running editor. */
export interface ExtensionApi {
  /** Milliseconds from the bundle's first line to the end of activation. */
  readonly activationMs: number;
  readonly runtime: { readonly state: RuntimeState; readonly pid: number | undefined };
  readonly panel: {
    /** What the page that was in front last, the panel or a report editor, was told last. */
    readonly state: PanelState | undefined;
    readonly painted: Painted | undefined;
    /** From the wish to see the panel to its first picture. */
    readonly openMs: number | undefined;
  };
  /** The page that was in front last: the panel, or a report's editor. */
  readonly activePage: { readonly state: PanelState | undefined; readonly painted: Painted | undefined } | undefined;
  readonly highlights: {
    ranges(uri: string): number;
    readonly stale: boolean;
    readonly lastUpdateMs: number | undefined;
  };
  /** The last message shown to the user as an error or warning. */
  readonly lastError: string | undefined;
  /** What "Export Report..." does after its dialogs. */
  exportTo(format: ExportFormat, target: vscode.Uri): Promise<void>;
  /** What "Compare with Report..." does after its dialog. */
  compareWith(report: vscode.Uri): Promise<void>;
}

export function createApi(host: Host, activationMs: number): ExtensionApi {
  const { runtime, pages, highlighter, messages } = host;
  return {
    activationMs,
    runtime: {
      get state() {
        return runtime.state;
      },
      get pid() {
        return runtime.pid;
      },
    },
    panel: {
      get state() {
        return pages.last?.told;
      },
      get painted() {
        return pages.last?.painted;
      },
      get openMs() {
        return pages.last?.openMs;
      },
    },
    get activePage() {
      const page = pages.last;
      return page && { state: page.told, painted: page.painted };
    },
    highlights: {
      ranges: (uri) => highlighter.ranges(uri),
      get stale() {
        return highlighter.stale;
      },
      get lastUpdateMs() {
        return highlighter.lastUpdateMs;
      },
    },
    get lastError() {
      return messages.last;
    },
    exportTo: (format, target) => exportTo(host.activeView(), format, target),
    compareWith: (report) => compareWith(host, host.activeView(), report),
  };
}
