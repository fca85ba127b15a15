import "./table.css";
import type { Table } from "../../src/report/tables.ts";
import { element } from "../dom.ts";
import type { NamedTable } from "../model/named-table.ts";
import type { Page } from "../section.ts";

/** Rows that are put on the page at once; more follow, a batch a frame. */
const BATCH = 100;

/** A table that scrolls sideways by itself where the panel is narrow. */
export function tableElement({ caption, table }: NamedTable, captionClass?: string): HTMLElement {
  const body = element("tbody");
  const add = (from: number): void => {
    body.append(...table.rows.slice(from, from + BATCH).map((row) => rowElement(row, table)));
    if (from + BATCH < table.rows.length) requestAnimationFrame(() => add(from + BATCH));
  };
  add(0);
  const titles = table.columns.map(({ title, numeric }) =>
    title === "" ? element("td") : element("th", { class: kind(numeric), attributes: { scope: "col" } }, title),
  );
  return scrollBox(
    caption,
    element(
      "table",
      {},
      element("caption", captionClass === undefined ? {} : { class: captionClass }, caption),
      element("thead", {}, element("tr", {}, ...titles)),
      body,
    ),
  );
}

/** A box that scrolls sideways; a stop for the tab key only while there is something to scroll to. */
export function scrollBox(label: string, table: HTMLTableElement): HTMLElement {
  const box = element("div", { class: "scroll" }, table);
  const watch = new ResizeObserver(() => {
    const needed = box.scrollWidth > box.clientWidth;
    if (needed === box.hasAttribute("tabindex")) return;
    for (const [name, value] of [
      ["tabindex", "0"],
      ["role", "region"],
      ["aria-label", label],
    ] as const) {
      if (needed) box.setAttribute(name, value);
      else box.removeAttribute(name);
    }
  });
  watch.observe(box);
  return box;
}

function rowElement(row: readonly string[], { columns }: Table): HTMLElement {
  return element(
    "tr",
    {},
    ...row.map((cell, i) => {
      const name = kind(columns[i]?.numeric ?? false);
      return i === 0
        ? element("th", { class: name, attributes: { scope: "row" } }, cell)
        : element("td", { class: name }, cell);
    }),
  );
}

function kind(numeric: boolean): string {
  return numeric ? "number" : "words";
}

/** Something to open, made when it is opened first; which ones are open outlives a reload. */
export function disclosure(page: Page, id: string, summary: string, make: () => readonly Node[]): HTMLElement {
  const made = element("details", { id }, element("summary", {}, summary));
  let filled = false;
  const fill = (): void => {
    if (filled) return;
    filled = true;
    made.append(...make());
  };
  if (page.ui.open.includes(id)) {
    fill();
    made.open = true;
  }
  made.addEventListener("toggle", () => {
    if (made.open) fill();
    const others = page.ui.open.filter((name) => name !== id);
    page.remember({ open: made.open ? [...others, id] : others });
  });
  return made;
}

/** The tables that say what a view's charts show. */
export function twins(page: Page, id: string, tables: readonly NamedTable[], summary = "Show as tables"): HTMLElement {
  return disclosure(page, id, summary, () => tables.map((table) => tableElement(table)));
}
