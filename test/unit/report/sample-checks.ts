import { fedBy } from "../../../src/model/architecture.ts";
import type { Fidelity, FidelityLayer, Report, SwapResult, Swaps } from "../../../src/protocol/report.ts";
import { linesOf } from "../../../src/model/line-ends.ts";
import { SAMPLE_TEXT } from "./sample-report.ts";

/** The report with made-up fidelity and swaps: coverage falls with distance and differs by oracle. */
export function withChecks(report: Report, text = SAMPLE_TEXT): Report {
  return {
    ...report,
    settings: { ...report.settings, fidelity: true, swaps: true },
    fidelity: fidelityOf(report),
    swaps: swapsOf(report, text),
  };
}

/** Exact figures, so that sentences can be told beforehand. */
export function fidelityOf({ model }: Report): Fidelity {
  const layers = (scale: number): FidelityLayer[] =>
    model.schedule.flatMap((_, oracle) =>
      fedBy(model.schedule, oracle).map((layer): FidelityLayer => {
        const distance = layer - oracle;
        const inherited = scale * (0.5 + 0.025 * oracle - 0.02 * (distance - 1));
        return {
          layer,
          oracle,
          distance,
          mass: {
            inherited,
            inheritedLow: inherited / 4,
            inheritedOrWindow: inherited + 0.1,
            own: 0.85,
            ownOrWindow: 0.9,
            recent: 0.4,
            random: 0.06,
            window: 0.3,
          },
          blocks: { inherited: inherited - 0.2, inheritedOrWindow: inherited - 0.1, random: 0.13 },
        };
      }),
    );
  return {
    method: "64 query positions evenly spread over those that see more than 8 blocks; exact softmax",
    queries: 64,
    variants: { hysparse: { layers: layers(1) }, full: { layers: layers(0.6) } },
  };
}

function swapsOf({ document }: Report, text: string): Swaps {
  const starts = linesOf(text).map(({ start }) => start);
  const lineAt = (position: number): number => starts.findLastIndex((start) => start <= position) + 1;
  return {
    method:
      "one untimed prefill under each selection; random: the mean of 3 draws; a 95 % t-interval from segments of 256 tokens",
    tokens: 3473,
    bytes: 13210,
    results: [
      { name: "learned", bitsPerByte: 1.25, samples: [1.25], added: 0, addedLow: 0, addedHigh: 0 },
      result("all", -0.005, -0.0075, -0.0025),
      result("recent", 0.0005, -0.0012, 0.0021),
      { ...result("random", 0.01, 0.00625, 0.01375), samples: [1.2591, 1.26, 1.2609] },
      result("none", 0.05, 0.04, 0.06),
      result("restrict-last", -0.0025, -0.004, -0.001),
    ],
    places: [7, 40, 22].map((block, i) => {
      const [start, end] = document.blockRanges[block]!;
      return { block, start, end, startLine: lineAt(start), endLine: lineAt(end - 1), addedBits: 31.4 - 9.2 * i };
    }),
  };
}

function result(name: SwapResult["name"], added: number, addedLow: number, addedHigh: number): SwapResult {
  return { name, bitsPerByte: 1.25 + added, samples: [1.25 + added], added, addedLow, addedHigh };
}
