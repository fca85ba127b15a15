import "./text.css";
import type { Cursor } from "../../src/protocol/panel.ts";
import { element, paragraph } from "../dom.ts";
import { followText, textModel, type PassageItem, type TextModel } from "../model/text.ts";
import { section, type Page } from "../section.ts";
import { link } from "./link.ts";
import { ShadedText } from "./shaded-text.ts";
import { disclosure } from "./table.ts";

/** Passages that are shown at once. */
const FIRST = 5;

export const textSection = section("text", textModel, (model, page) => {
  const open = (start: number, end: number, focus: boolean): void => {
    if (model.unlinked === undefined) page.reveal(start, end, focus);
  };
  const shaded = model.segments
    ? new ShadedText(model, model.segments, page, (block, focus) => {
        const { start, end } = model.blocks[block]!;
        if (model.editor) open(start, end, focus);
      })
    : undefined;
  const following = element("div", { class: "following", attributes: { "aria-live": "off" } });
  return {
    content: [
      paragraph(model.message, "message"),
      ...(model.unlinked === undefined ? [] : [paragraph(model.unlinked, "aside")]),
      element("h3", {}, `Most attended passages (${model.queries})`),
      passages(model, model.passages.slice(0, FIRST), 1, open),
      ...(model.passages.length > FIRST
        ? [
            disclosure(page, "text-passages", `${model.passages.length - FIRST} more`, () => [
              passages(model, model.passages.slice(FIRST), FIRST + 1, open),
            ]),
          ]
        : []),
      element("h3", {}, "The text"),
      following,
      ...(shaded ? [shaded.root] : [paragraph(model.whyNoText ?? "", "aside")]),
      disclosure(page, "text-reading", "How importance is computed", () => [paragraph(model.reading)]),
    ],
    follow: (cursor) => {
      following.replaceChildren(...(cursor ? cursorFacts(model, cursor, page) : []));
      shaded?.follow(cursor ? followText(model, cursor) : undefined);
    },
    show: (start) => shaded?.show(start),
    dispose: () => shaded?.dispose(),
  };
});

type Open = (start: number, end: number, focus: boolean) => void;

function passages(model: TextModel, items: readonly PassageItem[], from: number, open: Open): HTMLElement {
  if (items.length === 0) return paragraph("No passage stands out.");
  const list = element(
    "ol",
    { class: "passages" },
    items.map((item) => passage(item, model.unlinked, open)),
  );
  list.start = from;
  return list;
}

function passage(item: PassageItem, unlinked: string | undefined, open: Open): HTMLElement {
  const { place, facts, words, start, end, weight } = item;
  const filled = element("span");
  filled.style.width = `${weight * 100}%`;
  const bar = element("span", { class: "weight", attributes: { "aria-hidden": "true" } }, filled);
  return element(
    "li",
    {},
    link(place, unlinked, (focus) => open(start, end, focus)),
    bar,
    element("span", { class: "facts" }, ` ${facts}`),
    words === undefined ? undefined : element("q", {}, words),
  );
}

/** What the token at the cursor reads, and what no sparse layer can read for it. */
function cursorFacts(model: TextModel, cursor: Cursor, page: Page): Node[] {
  const { title, unread, oracles } = followText(model, cursor);
  return [
    element("strong", {}, title),
    element(
      "ul",
      {},
      ...oracles.map(({ name, blocks }) =>
        element(
          "li",
          {},
          `${name}: `,
          ...(blocks.length === 0 ? ["nothing selected"] : []),
          ...blocks.flatMap(({ block, name: place }, i) => {
            const { start, end } = model.blocks[block] ?? { start: 0, end: 0 };
            return [
              ...(i === 0 ? [] : [", "]),
              link(i === 0 ? place : place.replace(/^(lines?|tokens) /, ""), model.unlinked, (focus) =>
                page.reveal(start, end, focus),
              ),
            ];
          }),
        ),
      ),
    ),
    paragraph(unread),
  ];
}
