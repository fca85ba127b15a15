import type { Cursor, PanelCommand, PanelState } from "../src/protocol/panel.ts";
import { paragraph } from "./dom.ts";
import { undrawn, type SectionId } from "./model/sections.ts";
import { waitingText } from "./model/waiting.ts";
import type { UiState } from "./ui-state.ts";

/** What views may ask of the page. */
export interface Page {
  readonly ui: UiState;
  /** Keeps what the reader set. */
  remember(change: Partial<UiState>): void;
  /** Keeps it and draws anew what depends on it. */
  apply(change: Partial<UiState>): void;
  command(name: PanelCommand): void;
  /** Shows characters [start, end) in the editor, or in the page's own text where there is none; `focus` moves the reader there. */
  reveal(start: number, end: number, focus: boolean): void;
}

/** A view on the page. */
export interface Drawn {
  readonly content: readonly Node[];
  /** The token under the editor's cursor changed; undefined where none is followed. */
  readonly follow?: (cursor: Cursor | undefined) => void;
  /** Shows the text from this character on; only asked where there is no editor for it. */
  readonly show?: (start: number) => void;
  /** Colours or fonts changed: what is drawn on canvases must be drawn again. */
  readonly recolour?: () => void;
  readonly dispose?: () => void;
}

/** A view whose model is at hand: `key` changes when it must be drawn anew. */
export interface Prepared {
  readonly key: string;
  draw(page: Page): Drawn;
}

/** One part of the page. */
export interface Section {
  readonly id: SectionId;
  /** Undefined where there is nothing to show. */
  prepare(state: PanelState, ui: UiState): Prepared | undefined;
}

/** What stands in a section's place when it cannot be drawn, so that the others still are. */
export function undrawable(error: unknown): Prepared {
  const text = undrawn(error);
  return { key: text, draw: () => ({ content: [paragraph(text, "failed")] }) };
}

/** Joins a pure model, plain data, with the view that draws it. The view is drawn anew only when the model changed. */
export function section<Model>(
  id: SectionId,
  model: (state: PanelState, ui: UiState) => Model | undefined,
  draw: (model: Model, page: Page) => Drawn,
): Section {
  return {
    id,
    prepare(state, ui) {
      const made = model(state, ui);
      if (made === undefined) {
        const text = waitingText(id, state);
        return text === undefined ? undefined : { key: text, draw: () => ({ content: [paragraph(text, "aside")] }) };
      }
      return { key: JSON.stringify(made), draw: (page) => draw(made, page) };
    },
  };
}
