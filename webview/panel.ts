import type { Cursor, Job, PanelState, ToPanel } from "../src/protocol/panel.ts";
import type { Channel } from "./channel.ts";
import { element } from "./dom.ts";
import { SECTIONS, type SectionId } from "./model/sections.ts";
import { undrawable, type Drawn, type Page, type Prepared, type Section } from "./section.ts";
import { watchTheme } from "./theme.ts";
import type { UiState } from "./ui-state.ts";
import { Contents } from "./views/contents.ts";
import { Status } from "./views/status.ts";

/** Milliseconds of one frame that drawing may take before the page gets to breathe. */
const FRAME_BUDGET = 12;
const SCROLL_REST = 200;
/** The section that the list of sections follows. */
const LED_BY = "headline";

interface Place {
  readonly section: Section;
  readonly host: HTMLElement;
  key?: string;
  drawn?: Drawn;
}

/**
 * The page, in VS Code or exported: takes each state as it comes, draws the sections whose model changed (the first at once, the
 * others in the frames after), and tells the host when all of it is on the screen.
 */
export class Panel implements Page {
  readonly #places: Place[];
  readonly #status: Status;
  readonly #contents = new Contents();
  readonly #root: HTMLElement;
  readonly #channel: Channel;
  #ui: UiState;
  #state: PanelState | undefined;
  #cursor: Cursor | undefined;
  #round = 0;
  /** When the state came that is not yet on the screen. */
  #received: number | undefined;
  #restored = false;

  constructor(root: HTMLElement, sections: readonly Section[], channel: Channel) {
    this.#root = root;
    this.#channel = channel;
    this.#ui = channel.savedUi();
    this.#status = new Status(this, channel.hosted);
    this.#places = sections.map((section) => ({ section, host: hostOf(section) }));
    root.append(element("h1", { class: "unseen" }, "HySparse profile"), this.#status.root);
    for (const { section, host } of this.#places) {
      root.append(host);
      if (section.id === LED_BY) root.append(this.#contents.root);
    }
    const recolour = (): void => {
      for (const place of this.#places) this.#guard(place, () => place.drawn?.recolour?.());
    };
    watchTheme(recolour);
    window.addEventListener("beforeprint", recolour);
    this.#keepScroll();
    channel.listen(
      (message) => this.#receive(message),
      (reason) => {
        root.removeAttribute("aria-busy");
        this.#status.fail(
          channel.hosted
            ? `Could not read a message to this panel (${reason}). The panel was not updated.`
            : `Cannot read the report in this page (${reason}).`,
        );
      },
    );
    channel.send({ type: "ready" });
  }

  get ui(): UiState {
    return this.#ui;
  }

  remember(change: Partial<UiState>): void {
    this.#ui = { ...this.#ui, ...change };
    this.#channel.saveUi(this.#ui);
  }

  apply(change: Partial<UiState>): void {
    this.remember(change);
    if (this.#state) this.#drawAll(this.#state);
  }

  command(name: Parameters<Page["command"]>[0]): void {
    this.#channel.send({ type: "command", command: name });
  }

  reveal(start: number, end: number, focus: boolean): void {
    if (this.#channel.hosted) this.#channel.send({ type: "reveal", start, end, focus });
    else for (const place of this.#places) this.#guard(place, () => place.drawn?.show?.(start));
  }

  #receive(message: ToPanel): void {
    switch (message.type) {
      case "state":
        this.#received = performance.now();
        this.#state = message.state;
        this.#cursor = message.state.cursor;
        this.#setJob(message.state.job);
        this.#status.tell(message.state.report);
        this.#drawAll(message.state);
        this.#follow();
        return;
      case "job":
        this.#setJob(message.job);
        return;
      case "cursor":
        this.#cursor = message.cursor;
        this.#follow();
        return;
      case "failure":
        this.#status.fail(message.message);
    }
  }

  #setJob(job: Job | undefined): void {
    this.#status.job(job);
  }

  #follow(): void {
    for (const place of this.#places) this.#guard(place, () => place.drawn?.follow?.(this.#cursor));
  }

  #drawAll(state: PanelState): void {
    const round = ++this.#round;
    const waiting = [...this.#places];
    const step = (): void => {
      if (round !== this.#round) return;
      const until = performance.now() + FRAME_BUDGET;
      do {
        const place = waiting.shift();
        if (place) this.#guard(place, () => this.#draw(place, place.section.prepare(state, this.#ui)));
      } while (waiting.length > 0 && performance.now() < until);
      if (waiting.length > 0) requestAnimationFrame(step);
      else this.#finish(round);
    };
    step();
  }

  /** A section that fails says so in its own place; the others go on. */
  #guard(place: Place, work: () => void): void {
    try {
      work();
    } catch (error) {
      console.error(error);
      // What is there may be half drawn, and may not even go in order.
      delete place.key;
      delete place.drawn;
      this.#draw(place, undrawable(error));
    }
  }

  #draw(place: Place, prepared: Prepared | undefined): void {
    if (place.key === prepared?.key) return;
    const focused = place.host.contains(document.activeElement) ? document.activeElement?.id : undefined;
    place.drawn?.dispose?.();
    for (const node of [...place.host.childNodes]) if (!(node instanceof HTMLHeadingElement)) node.remove();
    delete place.key;
    delete place.drawn;
    place.host.hidden = prepared === undefined;
    if (!prepared) return;
    place.key = prepared.key;
    place.drawn = prepared.draw(this);
    place.host.append(...place.drawn.content);
    place.drawn.follow?.(this.#cursor);
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  }

  #finish(round: number): void {
    this.#root.removeAttribute("aria-busy");
    this.#contents.show(this.#shown());
    if (!this.#restored) {
      this.#restored = true;
      window.scrollTo(0, this.#ui.scroll);
    }
    if (this.#received === undefined) return;
    // The second frame begins after the first was painted.
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        if (round !== this.#round || this.#received === undefined) return;
        const milliseconds = performance.now() - this.#received;
        this.#received = undefined;
        this.#channel.send({
          type: "painted",
          milliseconds,
          headline: this.#root.querySelector(".headline")?.textContent ?? "",
          sections: this.#shown(),
        });
      }),
    );
  }

  /** The sections that are on the page now. */
  #shown(): SectionId[] {
    return this.#places.filter(({ host }) => !host.hidden).map(({ section }) => section.id);
  }

  #keepScroll(): void {
    let timer: number | undefined;
    window.addEventListener("scroll", () => {
      window.clearTimeout(timer);
      timer = window.setTimeout(() => {
        if (this.#restored) this.remember({ scroll: window.scrollY });
      }, SCROLL_REST);
    });
  }
}

function hostOf({ id }: Section): HTMLElement {
  const heading = element("h2", { id: `${id}-title`, attributes: { tabindex: "-1" } }, SECTIONS[id].title);
  const host = element("section", { id, attributes: { "aria-labelledby": heading.id } }, heading);
  host.hidden = true;
  return host;
}
