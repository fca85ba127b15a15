import "./legend.css";
import { element } from "../dom.ts";
import { swatch } from "../charts/fills.ts";
import type { Fill } from "../../src/designs/look.ts";
import { readTheme, type Theme } from "../theme.ts";

export interface LegendItem {
  readonly fill: Fill;
  readonly name: string;
  readonly meaning: string;
}

/** What the fills stand for, and the marks where the charts have them, with the name and meaning of the one across bars. */
export function legend(
  items: readonly LegendItem[],
  across?: { readonly mark: string; readonly meaning: string },
): { readonly root: HTMLElement; readonly recolour: (theme: Theme) => void } {
  const samples = items.map((item) => ({ item, sample: swatch(item.fill) }));
  const theme = readTheme();
  for (const { sample } of samples) sample.paint(theme);
  const marks = across
    ? [
        element("li", { attributes: { title: across.meaning } }, element("span", { class: "floor-mark" }), across.mark),
        element("li", {}, element("span", { class: "range-mark" }), "median, min to max"),
      ]
    : [];
  return {
    root: element(
      "ul",
      { class: "legend" },
      ...samples.map(({ item, sample }) =>
        element("li", { attributes: { title: item.meaning } }, sample.element, item.name),
      ),
      ...marks,
    ),
    recolour: (now) => {
      for (const { sample } of samples) sample.paint(now);
    },
  };
}
