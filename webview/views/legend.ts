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

/** What the fills stand for, and the marks where the charts have them. */
export function legend(
  items: readonly LegendItem[],
  withMarks: boolean,
): { readonly root: HTMLElement; readonly recolour: (theme: Theme) => void } {
  const samples = items.map((item) => ({ item, sample: swatch(item.fill) }));
  const theme = readTheme();
  for (const { sample } of samples) sample.paint(theme);
  const marks = withMarks
    ? [
        element(
          "li",
          {
            attributes: {
              title: "the time that the work needs at this machine's measured matrix rate and copy bandwidth",
            },
          },
          element("span", { class: "floor-mark" }),
          "floor",
        ),
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
