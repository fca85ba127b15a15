import "./contents.css";
import { element } from "../dom.ts";
import { SECTIONS, type SectionId } from "../model/sections.ts";

/** The list of sections, which stays at the top while the page scrolls. */
export class Contents {
  readonly root = element("nav", { class: "contents", attributes: { "aria-label": "Sections" } });
  #shown = "";

  constructor() {
    this.root.hidden = true;
  }

  /** `sections` that are on the page now; listed are those with a short name. */
  show(sections: readonly SectionId[]): void {
    const listed = sections.flatMap((id) => {
      const section = SECTIONS[id];
      return "short" in section ? [{ id, short: section.short }] : [];
    });
    const key = listed.map(({ id }) => id).join(" ");
    if (key === this.#shown) return;
    this.#shown = key;
    this.root.hidden = listed.length === 0;
    this.root.replaceChildren(...listed.map(({ id, short }) => this.#link(id, short)));
  }

  #link(id: string, short: string): HTMLElement {
    const link = element("a", { attributes: { href: `#${id}` } }, short);
    // VS Code's own handling of links inside a page is not relied on.
    link.addEventListener("click", (event) => {
      event.preventDefault();
      event.stopPropagation();
      const heading = document.getElementById(`${id}-title`);
      heading?.scrollIntoView({ block: "start" });
      heading?.focus({ preventScroll: true });
    });
    return link;
  }
}
