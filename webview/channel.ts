import { toPanelSchema, type FromPanel, type ToPanel } from "../src/protocol/panel.ts";
import { restoreUi, type UiState } from "./ui-state.ts";

/** What VS Code gives a webview's page, once. */
interface VsCodeApi {
  postMessage(message: FromPanel): void;
  getState(): unknown;
  setState(state: UiState): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

/** The page's only way out: no other module knows VS Code's functions. */
const api = acquireVsCodeApi();

export function send(message: FromPanel): void {
  api.postMessage(message);
}

/** Calls `receive` for each message of the host that is one of ours, `refuse` with the reason for any other. */
export function listen(receive: (message: ToPanel) => void, refuse: (reason: string) => void): void {
  window.addEventListener("message", (event: MessageEvent<unknown>) => {
    const parsed = toPanelSchema.safeParse(event.data);
    if (parsed.success) {
      receive(parsed.data);
      return;
    }
    const [issue] = parsed.error.issues;
    refuse(issue ? `${issue.path.join(".")}: ${issue.message}` : "not a message of ours");
  });
}

export function savedUi(): UiState {
  return restoreUi(api.getState());
}

export function saveUi(state: UiState): void {
  api.setState(state);
}
