import { element } from "../dom.ts";
import type { FollowText, Piece, TextLine, TextModel } from "../model/text.ts";
import type { Page } from "../section.ts";

const SCROLL_REST = 200;
/** One for each level above none. */
const BARS = "▁▂▃▄▅▆▇█";

/** The document's text, shaded block by block: by importance, or by what the token at the cursor reads. */
export class ShadedText {
  readonly root: HTMLElement;
  readonly #model: TextModel;
  readonly #text: HTMLElement;
  readonly #reading = element("div", { class: "reading", attributes: { "aria-live": "polite" } });
  readonly #key = element("p", { class: "shades" });
  /** The pieces of each block. */
  readonly #pieces: HTMLElement[][];
  #current = -1;
  #timer: number | undefined;

  constructor(
    model: TextModel,
    segments: readonly (readonly TextLine[])[],
    page: Page,
    open: (block: number, focus: boolean) => void,
  ) {
    this.#model = model;
    this.#pieces = model.blocks.map(() => []);
    this.#text = element(
      "div",
      {
        id: "document-text",
        class: "text",
        attributes: {
          tabindex: "0",
          role: "application",
          "aria-roledescription": "document",
          "aria-label": model.message,
        },
      },
      segments.map((lines) =>
        element(
          "div",
          { class: "segment" },
          lines.map((line) => this.#line(line)),
        ),
      ),
    );
    this.root = element("div", {}, this.#key, this.#text, this.#reading);
    this.#listen(page, open);
    this.follow(undefined);
    this.#tell();
    requestAnimationFrame(() => (this.#text.scrollTop = page.ui.textScroll));
  }

  /** With its number, and with the strongest shade in it as a bar, so that nothing hangs on colour. */
  #line({ number, level, pieces }: TextLine): HTMLElement {
    const made = element(
      "div",
      { class: "line" },
      pieces.map((piece) => this.#piece(piece)),
    );
    made.dataset["number"] = String(number);
    made.dataset["bar"] = BARS.charAt(level - 1);
    return made;
  }

  #piece({ block, text }: Piece): HTMLElement {
    const made = element("span", {}, text);
    made.dataset["block"] = String(block);
    this.#pieces[block]!.push(made);
    return made;
  }

  #listen(page: Page, open: (block: number, focus: boolean) => void): void {
    const text = this.#text;
    const blockAt = ({ target }: Event): number | undefined => {
      const piece = target instanceof HTMLElement ? target.dataset["block"] : undefined;
      return piece === undefined ? undefined : Number(piece);
    };
    text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && this.#current >= 0) open(this.#current, true);
      else if (event.key === "Escape") this.#go(-1, false);
      else if (event.key === "ArrowRight") this.#go(this.#current + 1, true);
      else if (event.key === "ArrowLeft") this.#go(Math.max(0, this.#current - 1), true);
      else if (event.key === "n") this.#go(this.#wanted(1), true);
      else if (event.key === "p") this.#go(this.#wanted(-1), true);
      else return;
      event.preventDefault();
    });
    text.addEventListener("pointermove", (event) => {
      const block = blockAt(event);
      if (block !== undefined) this.#go(block, false);
    });
    text.addEventListener("click", (event) => {
      const block = blockAt(event);
      // A selection is being made for copying, not a place chosen.
      if (block !== undefined && getSelection()?.isCollapsed !== false) open(block, event.detail > 1);
    });
    text.addEventListener("scroll", () => {
      window.clearTimeout(this.#timer);
      this.#timer = window.setTimeout(() => page.remember({ textScroll: text.scrollTop }), SCROLL_REST);
    });
  }

  /** The next block in this direction that is shaded at least half. */
  #wanted(step: 1 | -1): number {
    const { blocks } = this.#model;
    for (let block = this.#current + step; block >= 0 && block < blocks.length; block += step) {
      if (blocks[block]!.level >= 4) return block;
    }
    return this.#current;
  }

  #go(block: number, scroll: boolean): void {
    const to = Math.min(this.#model.blocks.length - 1, block);
    if (to === this.#current) return;
    for (const piece of this.#pieces[this.#current] ?? []) piece.classList.remove("on");
    this.#current = to;
    const pieces = this.#pieces[to] ?? [];
    for (const piece of pieces) piece.classList.add("on");
    if (scroll) pieces[0]?.scrollIntoView({ block: "nearest" });
    this.#tell();
  }

  #tell(): void {
    const block = this.#model.blocks[this.#current];
    const lines = block
      ? [`Block ${this.#current}, ${block.place}`, block.facts]
      : [
          "The bar before a line is its strongest shade. Hover over the text, or focus it: arrows move between blocks, " +
            `n and p between important ones${this.#model.editor ? ", Enter opens the editor" : ""}.`,
        ];
    this.#reading.replaceChildren(...lines.map((line) => element("div", {}, line)));
  }

  /** Moves the reader to the block that holds this character. */
  show(start: number): void {
    const block = this.#model.blocks.findIndex(({ end }) => end > start);
    this.#go(block, false);
    this.#text.focus({ preventScroll: true });
    this.#pieces[block]?.[0]?.scrollIntoView({ block: "center" });
  }

  /** Shades by what the token at the cursor reads; undefined goes back to importance. */
  follow(text: FollowText | undefined): void {
    this.#text.classList.toggle("by-cursor", text !== undefined);
    this.#model.blocks.forEach(({ level, chosen }, block) => {
      const names = text ? readBy(text, block) : `l${level}${chosen ? " chosen" : ""}`;
      for (const piece of this.#pieces[block]!) {
        const name = block === this.#current ? `${names} on` : names;
        if (piece.className !== name) piece.className = name;
      }
    });
    if (text) this.#uncover(text.seenEnd - 1);
    this.#key.replaceChildren(...(text ? cursorKey() : importanceKey()));
  }

  /** Scrolls the text, and only the text, until a block is in sight. */
  #uncover(block: number): void {
    const piece = this.#pieces[block]?.[0];
    if (!piece) return;
    const [box, at] = [this.#text.getBoundingClientRect(), piece.getBoundingClientRect()];
    if (at.top < box.top || at.bottom > box.bottom) this.#text.scrollTop += at.top - box.top - box.height / 3;
  }

  dispose(): void {
    window.clearTimeout(this.#timer);
  }
}

function readBy({ heads, seenEnd, windowStart }: FollowText, block: number): string {
  if (block >= seenEnd) return "later";
  if (heads[block]! > 0) return "read";
  return block >= windowStart ? "near" : "unread";
}

function cursorKey(): Node[] {
  return [
    element("span", { class: "read" }, "selected by an oracle"),
    element("span", { class: "near" }, "in the window"),
    element("span", { class: "unread" }, "not readable by sparse layers"),
    element("span", { class: "later" }, "after the cursor"),
  ];
}

function importanceKey(): Node[] {
  return [
    ...[1, 3, 5, 8].map((level, i, all) =>
      element(
        "span",
        { class: `l${level}` },
        i === 0 ? "somewhat important" : i === all.length - 1 ? "most important" : "\u00a0\u00a0",
      ),
    ),
    element("span", { class: "chosen" }, "selected for the last token"),
  ];
}
