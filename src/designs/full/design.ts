import type { Design } from "../design.ts";

/** Causal softmax attention in every layer. */
export const full = {
  id: "full",
  title: "Full attention",
  short: "Full",
  words: "full attention",
  meaning: "every layer reads all earlier tokens",
  look: { hue: "blue", pattern: "solid", dash: [8, 4], point: "rect" },
  baseline: true,
  needs: [],
  checkpoint: {
    called: "a dense model",
    notes: [
      "A dense model: every layer was trained with full attention, without the gates and sinks other variants need. The " +
        "schedule is laid over it to see what sparse layers would inherit.",
    ],
  },
  fidelity: {
    title: "The same layers as full attention",
    meaning: "every layer dense with its own keys, the schedule only laid over them",
    looked: "look at as full attention",
  },
  plan: ({ layers }) =>
    Array.from({ length: layers }, () => ({ mixer: "full", keeps: { kind: "all" }, scores: false, feeds: [] })),
} as const satisfies Design;
