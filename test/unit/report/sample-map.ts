import type { OracleMap } from "../../../src/protocol/oracle-map.ts";
import type { Report } from "../../../src/protocol/report.ts";

/** The report with a made-up oracle map. */
export function withMap(report: Report): Report {
  return { ...report, settings: { ...report.settings, oracleMap: 512 }, oracleMap: oracleMapOf(report) };
}

/** Two families: the layers before the fourth, and the others; exact figures. */
export function oracleMapOf({ document, model }: Report): OracleMap {
  const layers = model.schedule.map((_, layer): OracleMap["budgets"][number]["layers"][number] => {
    const of = (own: number): number[] =>
      Array.from({ length: layer + 1 }, (_, source) =>
        source === layer ? own : source < 4 === layer < 4 ? own - 0.1 : own - 0.5,
      );
    return {
      ...{ mass: of(0.8), withWindow: of(0.9), rest: of(0.7), best: of(0.85) },
      newest: { mass: 0.5, withWindow: 0.6, rest: 0.3 },
      random: { mass: 0.2, withWindow: 0.4, rest: 0.2 },
    };
  });
  return {
    method: "made up",
    ...{ block: 64, window: 128, k: 512, positions: [1024, 2048], errorPositions: [1024] },
    ...{ bitsPerByte: 1.25, tokens: document.tokens - 1, bytes: 4 * document.tokens },
    parts: layers.map(() => ({ first: 0.25, window: 0.5 })),
    budgets: [{ k: 512, layers }],
    errors: layers.slice(1).map(({ rest }, i) => ({
      bySource: rest.map((share, source) => (source === i + 1 ? 0.001 : (1 - share) / 100)),
      newest: 0.0125,
    })),
  };
}
