import { schedule } from "../../model/schedule.ts";
import type { Design } from "../design.ts";
import { WINDOW, type ValuesOf } from "../parameters.ts";

const parameters = { window: WINDOW } as const;

/** The baseline of the HySparse paper: the same schedule, but the layers between full ones read only a window. */
export const hybridSwa = {
  id: "hybrid-swa",
  title: "Hybrid SWA",
  short: "Hybrid SWA",
  words: "hybrid sliding-window attention",
  meaning: "the same schedule, but the layers between full ones read only a window",
  look: { hue: "yellow", pattern: "level", dash: [2, 3], point: "triangle" },
  needs: ["sinks"],
  parameters,
  plan: (architecture, { window }) =>
    schedule(architecture).map((kind) =>
      kind === "full"
        ? { mixer: "full", keeps: { kind: "all" }, scores: false, feeds: [] }
        : { mixer: "window", keeps: { kind: "ring", tokens: window }, scores: false, feeds: [] },
    ),
} as const satisfies Design<ValuesOf<typeof parameters>>;
