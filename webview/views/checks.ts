import { coverage } from "../charts/coverage.ts";
import { element, paragraph } from "../dom.ts";
import { checksModel, type ChecksModel, type PlaceItem } from "../model/checks.ts";
import { section, type Page } from "../section.ts";
import { link } from "./link.ts";
import { disclosure, tableElement, twins } from "./table.ts";

export const checksSection = section("checks", checksModel, (model, page) => {
  const runs = (model.coverage?.runs ?? []).map(({ chart, sentences }) => ({ plot: coverage(chart), sentences }));
  for (const { plot, sentences } of runs) plot.root.append(...sentences.map((text) => paragraph(text)));
  return {
    content: [
      paragraph(model.message, "message"),
      ...model.more.map((text) => paragraph(text)),
      ...(model.swaps ? swaps(model.swaps, model.unlinked, page) : []),
      ...(model.coverage
        ? coverageNodes(
            model.coverage,
            runs.map(({ plot }) => plot.root),
            page,
          )
        : []),
    ],
    recolour: () => {
      for (const { plot } of runs) plot.recolour();
    },
    dispose: () => {
      for (const { plot } of runs) plot.dispose();
    },
  };
});

function swaps(
  { table, scope, places, placesNote, method, meanings }: NonNullable<ChecksModel["swaps"]>,
  unlinked: string | undefined,
  page: Page,
): Node[] {
  return [
    tableElement(table),
    paragraph(scope, "aside"),
    disclosure(page, "checks-swaps", "How this was measured", () => [paragraph(method), notes(meanings)]),
    ...(places.length === 0
      ? []
      : [
          element("h3", {}, "Where random blocks cost most"),
          ...(placesNote === undefined ? [] : [paragraph(placesNote, "aside")]),
          element(
            "ol",
            { class: "passages" },
            places.map((item) => place(item, unlinked, page)),
          ),
        ]),
  ];
}

function place({ start, end, name, facts, words }: PlaceItem, unlinked: string | undefined, page: Page): HTMLElement {
  return element(
    "li",
    {},
    link(name, unlinked, (focus) => page.reveal(start, end, focus)),
    element("span", { class: "facts" }, ` ${facts}`),
    words === undefined ? undefined : element("q", {}, words),
  );
}

function coverageNodes(
  { tables, reading, method }: NonNullable<ChecksModel["coverage"]>,
  figures: readonly HTMLElement[],
  page: Page,
): Node[] {
  return [
    element("h3", {}, "How much of the attention the inherited blocks cover"),
    element("div", { class: "panels" }, ...figures),
    element(
      "div",
      { class: "opens" },
      twins(page, "checks-tables", tables, "Show as tables, and every layer"),
      disclosure(page, "checks-reading", "How to read this", () => [notes(reading)]),
      disclosure(page, "checks-method", "How it was measured", () => [paragraph(method)]),
    ),
  ];
}

function notes(texts: readonly string[]): HTMLElement {
  return element("ul", { class: "notes" }, ...texts.map((text) => element("li", {}, text)));
}
