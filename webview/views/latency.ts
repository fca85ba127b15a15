import { bars } from "../charts/bars.ts";
import { element, paragraph } from "../dom.ts";
import { latencyModel, REST } from "../model/latency.ts";
import { section } from "../section.ts";
import { readTheme } from "../theme.ts";
import { switcher } from "../ui/switcher.ts";
import { legend } from "./legend.ts";
import { disclosure, twins } from "./table.ts";

const HOW_TO_READ =
  "The thick mark across a bar is its floor: the time that the work needs at this machine's measured matrix rate and copy " +
  "bandwidth. What lies beyond it is overhead. The thin line is the range of all runs. F marks full layers, which read " +
  "every token. All charts of one kind share one scale.";

const PHASES = { prefill: "Prefill: reading the document", decode: "Decode: each output token" } as const;

export const latencySection = section(
  "latency",
  "Time by stage and layer",
  latencyModel,
  (model, page) => {
    const totals = bars(model.totals, "across");
    const layers = model.layers.map((layer) => bars(layer, "short"));
    const key = legend(
      [...model.stages, { fill: REST, name: "outside the layers", meaning: "embedding, last norm and output head" }],
      true,
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
          twins(page, "latency-tables", model.tables),
          disclosure(page, "latency-reading", "How to read this", () => [paragraph(HOW_TO_READ)]),
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
  },
  "Time",
);
