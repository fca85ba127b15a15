import "./oracle-map.css";
import { element, paragraph } from "../dom.ts";
import { oracleMapModel, type OracleMapModel, type PairCell } from "../model/oracle-map.ts";
import { section } from "../section.ts";
import { switcher } from "../ui/switcher.ts";
import { disclosure, scrollBox, twins } from "./table.ts";

/** The map is a table whose cells are shaded: what the eye sees and the ear hears is one thing, in every theme. */
export const oracleMapSection = section("oracleMap", oracleMapModel, (model, page) => ({
  content: [
    paragraph(model.message, "message"),
    ...model.more.map((text) => paragraph(text)),
    switcher("measure", "Measure", model.measures, model.measure, (measure) => page.apply({ measure })),
    pairs(model),
    element(
      "div",
      { class: "opens" },
      twins(page, "map-layers", [model.layers], "Show every layer beside its newest and random blocks"),
      disclosure(page, "map-reading", "How to read this", () => [
        element("ul", { class: "notes" }, ...model.reading.map((text) => element("li", {}, text))),
      ]),
      disclosure(page, "map-method", "How it was measured", () => [paragraph(model.method)]),
    ),
  ],
}));

function pairs({ caption, cells }: OracleMapModel): HTMLElement {
  const sources = cells.map((_, source) => element("th", { attributes: { scope: "col" } }, String(source)));
  return scrollBox(
    caption,
    element(
      "table",
      { class: "pairs" },
      element("caption", {}, caption),
      element("thead", {}, element("tr", {}, element("td"), ...sources)),
      element(
        "tbody",
        {},
        cells.map((row, layer) =>
          element("tr", {}, element("th", { attributes: { scope: "row" } }, String(layer)), ...row.map(cell)),
        ),
      ),
    ),
  );
}

function cell({ text, depth, title }: PairCell): HTMLElement {
  const made = element("td", { attributes: { title } }, text);
  made.style.setProperty("--depth", `${Math.round(depth * 100)}%`);
  return made;
}
