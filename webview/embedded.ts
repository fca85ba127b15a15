import { messageOf } from "../src/model/errors.ts";
import { deliver, type Channel } from "./channel.ts";
import { MESSAGE_ID } from "./model/exported.ts";
import { restoreUi } from "./ui-state.ts";

/**
 * An exported page has nobody to talk to: its one message lies in the page itself (export.ts), and what it would say to a host
 * goes nowhere. What a reader sets lasts as long as the page is open.
 */
export function embeddedChannel(): Channel {
  let ui = restoreUi(undefined);
  followSystem();
  return {
    hosted: false,
    send: () => undefined,
    listen: (receive, refuse) => {
      let message: unknown;
      try {
        message = JSON.parse(document.getElementById(MESSAGE_ID)?.textContent ?? "");
      } catch (error) {
        refuse(messageOf(error));
        return;
      }
      deliver(message, receive, refuse);
    },
    savedUi: () => ui,
    saveUi: (state) => {
      ui = state;
    },
  };
}

/**
 * Names the system's theme on the body as VS Code does, so that style sheet and charts hear of it the same way. The colours
 * themselves are exported.css's. Paper is light: canvases are drawn before the print's own style applies, so a class says it.
 */
function followSystem(): void {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const forced = matchMedia("(forced-colors: active)");
  const name = (): void => {
    const contrast = dark.matches ? "vscode-high-contrast" : "vscode-high-contrast-light";
    const kind = forced.matches ? contrast : dark.matches ? "vscode-dark" : "vscode-light";
    document.body.className = kind;
    document.body.dataset["vscodeThemeKind"] = kind;
  };
  name();
  for (const query of [dark, forced]) query.addEventListener("change", name);
  window.addEventListener("beforeprint", () => document.documentElement.classList.add("printing"));
  window.addEventListener("afterprint", () => document.documentElement.classList.remove("printing"));
}
