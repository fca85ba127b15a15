import { bars } from "../charts/bars.ts";
import { element, paragraph } from "../dom.ts";
import { latencyModel, PHASES, REST } from "../model/latency.ts";
import { section } from "../section.ts";
import { readTheme } from "../theme.ts";
import { switcher } from "../ui/switcher.ts";
import { legend } from "./legend.ts";
import { disclosure, twins } from "./table.ts";

export const latencySection = section("latency", latencyModel, (model, page) => {
  const totals = bars(model.totals, "across");
  const layers = model.layers.map((layer) => bars(layer, "short"));
  const key = legend(
    [...model.stages, { fill: REST, name: "outside the layers", meaning: "embedding, final norm and output head" }],
    model.floor,
  );
  return {
    content: [
      ...(model.phases.length < 2
        ? []
        : [
            switcher(
              "phase",
              "Phase",
              model.phases.map((phase) => ({ value: phase, label: PHASES[phase] })),
              model.phase,
              (phase) => page.apply({ phase }),
            ),
          ]),
      paragraph(model.message, "message"),
      key.root,
      totals.root,
      element("div", { class: "panels" }, ...layers.map(({ root }) => root)),
      element(
        "div",
        { class: "opens" },
        twins(page, "latency-tables", [...model.common, ...model.tables]),
        disclosure(page, "latency-reading", "How to read this", () => model.reading.map((text) => paragraph(text))),
      ),
    ],
    recolour: () => {
      key.recolour(readTheme());
      for (const { recolour } of [totals, ...layers]) recolour();
    },
    dispose: () => {
      for (const { dispose } of [totals, ...layers]) dispose();
    },
  };
});
