import "./map.css";
import { SelectionMap } from "../charts/map.ts";
import { element, paragraph } from "../dom.ts";
import { mapModel, querySaid } from "../model/map.ts";
import { section } from "../section.ts";
import { disclosure, twins } from "./table.ts";

const HOW_TO_READ =
  "Blocks of the document run left to right and continue in the next band. Each row is a full layer that " +
  "selects blocks for the sparse layers after it. Recent blocks and the first are often selected for their place alone; " +
  "importance removes that effect.";

export const mapSection = section("selection", mapModel, (model, page) => {
  const map = new SelectionMap(model, (block, focus) => {
    const { start, end } = model.blocks[block]!;
    if (model.unlinked === undefined) page.reveal(start, end, focus);
  });
  const query = element("span", {}, querySaid(undefined));
  return {
    content: [
      paragraph(model.message, "message"),
      element(
        "ul",
        { class: "legend" },
        element(
          "li",
          {},
          element("span", { class: "diamond full" }),
          element("span", {}, "selected by all KV heads for ", query),
        ),
        element("li", {}, element("span", { class: "diamond" }), "by some"),
        ...(model.rows.some(({ share }) => share)
          ? [
              element(
                "li",
                {},
                element("span", { class: "column" }),
                "how often selected over the document (taller: more)",
              ),
            ]
          : []),
      ),
      map.root,
      ...(model.unlinked === undefined ? [] : [paragraph(model.unlinked, "aside")]),
      element(
        "div",
        { class: "opens" },
        twins(page, "selection-tables", [model.table, model.chosen]),
        disclosure(page, "selection-reading", "How to read this", () => [paragraph(HOW_TO_READ)]),
      ),
    ],
    follow: (cursor) => {
      query.textContent = querySaid(cursor);
      map.follow(cursor);
    },
    recolour: () => map.draw(),
    dispose: () => map.dispose(),
  };
});
