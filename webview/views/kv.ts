import { bars } from "../charts/bars.ts";
import { element, paragraph } from "../dom.ts";
import { kvModel } from "../model/kv.ts";
import { section } from "../section.ts";
import { readTheme } from "../theme.ts";
import { legend } from "./legend.ts";
import { disclosure, tableElement, twins } from "./table.ts";

export const kvSection = section("memory", kvModel, (model, page) => {
  const charts = model.charts.map((chart) => bars(chart, "low"));
  const key = legend(model.legend);
  return {
    content: [
      paragraph(model.message, "message"),
      tableElement(model.ledger, "unseen"),
      key.root,
      element("div", { class: "panels" }, ...charts.map(({ root }) => root)),
      element(
        "div",
        { class: "opens" },
        twins(page, "memory-tables", model.tables, "All layers in one table"),
        disclosure(page, "memory-note", "How growth and the limit were computed", () => [paragraph(model.note)]),
      ),
    ],
    recolour: () => {
      key.recolour(readTheme());
      for (const { recolour } of charts) recolour();
    },
    dispose: () => {
      for (const { dispose } of charts) dispose();
    },
  };
});
