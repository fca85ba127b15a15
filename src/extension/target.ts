/** More than this is refused before it is sent: about 2.5 million tokens, far above any model here. */
export const MAX_CHARACTERS = 8 * 2 ** 20;

/** What the window shows, as far as it matters for choosing what to profile. */
export interface Showing {
  /** The active tab: text (a diff's side too), one of our own pages, or something that has no text to profile. */
  readonly tab: "text" | "ours" | "notebook" | "custom" | "webview" | "terminal" | "unknown" | "none";
  /** There is a text editor in front or, when one of our pages is, one that was in front before it. */
  readonly editor: boolean;
  /** The document of the shown report can be profiled again. */
  readonly profiled: boolean;
}

export type Target = { readonly take: "editor" | "profiled" } | { readonly problem: string };

const WAY_OUT = "Open a text file and run the command again.";

/** Which text a profile command means, or why there is none, with the way out. */
export function chooseTarget({ tab, editor, profiled }: Showing): Target {
  switch (tab) {
    case "notebook":
      return {
        problem:
          "Cannot profile a notebook: its cells are separate documents. Use Reopen Editor With... > Text Editor to profile " +
          "the notebook's file, or export it as a script.",
      };
    case "custom":
      return {
        problem:
          "This editor shows no text to profile. If the file is text, use Reopen Editor With... > Text Editor first.",
      };
    case "webview":
    case "terminal":
    case "unknown":
      return { problem: `No text to profile in this tab. ${WAY_OUT}` };
    case "ours":
      // On our own page the report's document is meant.
      if (profiled) return { take: "profiled" };
      return editor ? { take: "editor" } : { problem: `No document is open. ${WAY_OUT}` };
    case "text":
      if (editor) return { take: "editor" };
      return { problem: `VS Code gives extensions no text for this file: it is binary or too large. ${WAY_OUT}` };
    case "none":
      return editor ? { take: "editor" } : { problem: `No document is open. ${WAY_OUT}` };
  }
}

/** Why a text cannot be profiled, or undefined. `what` names it for people. */
export function textProblem(text: string, what: string): string | undefined {
  if (text === "") return `${what} is empty. Nothing to profile.`;
  if (text.trim() === "") return `${what} contains only whitespace. Nothing to profile.`;
  if (text.length > MAX_CHARACTERS) {
    const size = (text.length / 2 ** 20).toFixed(1);
    return `${what} is too large: ${size} million characters (maximum ${MAX_CHARACTERS / 2 ** 20}). Select a part and run Profile Selection.`;
  }
  if (text.includes("\0")) return `${what} contains binary data (NUL characters), not text.`;
  return undefined;
}
