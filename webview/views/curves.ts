import { curve } from "../charts/curves.ts";
import { element, paragraph } from "../dom.ts";
import { curvesModel } from "../model/curves.ts";
import { section } from "../section.ts";
import { button } from "../ui/button.ts";
import { disclosure, twins } from "./table.ts";

export const curvesSection = section("lengths", curvesModel, (model, page) => {
  if (!model.curves) {
    return {
      content: [
        paragraph(model.message, "message"),
        button({
          id: "lengths-sweep",
          label: "Run Context-Length Sweep",
          ...(model.busy ? { unavailable: "A profile is running." } : {}),
          press: () => page.command("sweep"),
        }),
      ],
    };
  }
  const charts = model.curves.map(curve);
  const { method } = model;
  return {
    content: [
      paragraph(model.message, "message"),
      element("div", { class: "panels" }, ...charts.map(({ root }) => root)),
      ...(model.notes.length === 0
        ? []
        : [element("ul", { class: "notes" }, ...model.notes.map((note) => element("li", {}, note)))]),
      element(
        "div",
        { class: "opens" },
        twins(page, "lengths-tables", model.tables),
        ...(method === undefined
          ? []
          : [disclosure(page, "lengths-method", "How this was measured", () => [paragraph(method)])]),
      ),
    ],
    recolour: () => {
      for (const { recolour } of charts) recolour();
    },
    dispose: () => {
      for (const { dispose } of charts) dispose();
    },
  };
});
