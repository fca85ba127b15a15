import "./link.css";
import { element } from "../dom.ts";

/** A place in the document; greyed, with the reason, where it cannot be opened. */
export function link(text: string, unlinked: string | undefined, open: (focus: boolean) => void): HTMLElement {
  const made = element("button", { class: "link", attributes: { type: "button" } }, text);
  if (unlinked !== undefined) {
    made.setAttribute("aria-disabled", "true");
    made.title = unlinked;
    return made;
  }
  // A key press (detail 0) and a double click move the reader to the editor, a click only shows the place.
  made.addEventListener("click", ({ detail }) => open(detail !== 1));
  return made;
}
