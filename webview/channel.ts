import { toPanelSchema, type FromPanel, type ToPanel } from "../src/protocol/panel.ts";
import { restoreUi, type UiState } from "./ui-state.ts";

/** The page's way to whoever shows it. */
export interface Channel {
  /** Whether there is anybody: an editor that shows places, runs commands and keeps a log. */
  readonly hosted: boolean;
  send(message: FromPanel): void;
  /** Calls `receive` for each message that is one of ours, `refuse` with the reason for any other. */
  listen(receive: (message: ToPanel) => void, refuse: (reason: string) => void): void;
  savedUi(): UiState;
  saveUi(state: UiState): void;
}

/** What VS Code gives a webview's page, once. */
interface VsCodeApi {
  postMessage(message: FromPanel): void;
  getState(): unknown;
  setState(state: UiState): void;
}

declare const acquireVsCodeApi: (() => VsCodeApi) | undefined;

/** The way to VS Code's extension host, undefined where the page is shown by anything else: no other module knows VS Code's functions. */
export function hostChannel(): Channel | undefined {
  if (typeof acquireVsCodeApi === "undefined") return undefined;
  const api = acquireVsCodeApi();
  return {
    hosted: true,
    send: (message) => api.postMessage(message),
    listen: (receive, refuse) => {
      window.addEventListener("message", (event: MessageEvent<unknown>) => deliver(event.data, receive, refuse));
    },
    savedUi: () => restoreUi(api.getState()),
    saveUi: (state) => api.setState(state),
  };
}

/** Gives what was sent to `receive` or, where it is no message of ours, the reason to `refuse`. */
export function deliver(sent: unknown, receive: (message: ToPanel) => void, refuse: (reason: string) => void): void {
  const parsed = toPanelSchema.safeParse(sent);
  if (parsed.success) {
    receive(parsed.data);
    return;
  }
  const [issue] = parsed.error.issues;
  refuse(issue ? `${issue.path.join(".")}: ${issue.message}` : "not a message of ours");
}
