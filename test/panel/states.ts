import { createHash } from "node:crypto";
import { panelStateSchema, type PanelState } from "../../src/protocol/panel.ts";
import type { Report, VariantReport } from "../../src/protocol/report.ts";
import { sampleReport, SAMPLE_TEXT } from "../unit/report/sample-report.ts";

type Totals = VariantReport["totals"];

/** States of the panel as a host would send them, made from the unit tests' sample report. */
export function stateOf(change: Partial<PanelState> = {}): PanelState {
  return panelStateSchema.parse({
    source: "profile",
    document: "current",
    highlights: true,
    follow: false,
    canFollow: true,
    trusted: true,
    ...change,
  });
}

/** The usual case: the shipped sample document, profiled here, its text at hand. */
export function sampleState(change: Partial<PanelState> = {}): PanelState {
  return stateOf({ report: withCounts(sampleReport()), text: SAMPLE_TEXT, ...change });
}

/** How often each block was selected: recent blocks and the first one often, a few in between. */
export function withCounts(report: Report): Report {
  if (!report.selection) return report;
  const { tokens, blockRanges } = report.document;
  const { block, kvHeads } = report.model.architecture;
  return {
    ...report,
    selection: {
      ...report.selection,
      oracles: report.selection.oracles.map((oracle, row) => ({
        ...oracle,
        timesSelected: blockRanges.map((_, i) => {
          const share = i === 0 ? 0.97 : 0.05 + 0.4 * ((i * (row + 3)) % 11 === 0 ? 1 : 0.3);
          return Math.floor(share * kvHeads * Math.max(1, tokens - i * block));
        }),
      })),
    },
  };
}

/** Six measured lengths and one that did not fit. */
export function withSweep(report: Report): Report {
  const points = [512, 1024, 2048, 4096, 8192, 16384].map((tokens) => ({
    tokens,
    repeated: tokens > report.document.tokens,
    variants: {
      hysparse: timed(60 + 0.6 * tokens + tokens ** 2 / 90000, 9 + tokens / 4000, 4400 * tokens),
      full: timed(20 + 0.5 * tokens + tokens ** 2 / 16000, 7 + tokens / 900, 13300 * tokens),
      "hybrid-swa": timed(20 + 0.42 * tokens + tokens ** 2 / 90000, 7 + tokens / 3900, 4400 * tokens),
    },
  }));
  const skipped = { tokens: 32768, repeated: true, variants: {}, skipped: "it needs 21.4 GiB, and 18.2 GiB are free" };
  return {
    ...report,
    sweep: {
      method: "the document's tokens, repeated to fill longer contexts; 3 runs each after 1 warm-up",
      points: [...points, skipped],
    },
  };
}

function timed(prefillMs: number, timePerOutputTokenMs: number, kvBytes: number) {
  return {
    prefillMs,
    prefillSamples: [prefillMs * 0.97, prefillMs, prefillMs * 1.06],
    timePerOutputTokenMs,
    timePerOutputTokenSamples: [timePerOutputTokenMs * 0.94, timePerOutputTokenMs, timePerOutputTokenMs * 1.1],
    kvBytes: Math.round(kvBytes),
  };
}

/** The same document measured again, a fifth slower in full attention. */
export function baselineOf(report: Report): Report {
  const copy = structuredClone(report);
  const totals = copy.variants.hysparse?.totals;
  if (!totals) return copy;
  totals.prefillSamples = totals.prefillSamples.map((ms) => ms * 1.3);
  totals.prefillMs *= 1.3;
  totals.prefillMinMs *= 1.3;
  totals.prefillMaxMs *= 1.3;
  copy.createdAt = "2026-11-20T09:30:00.000Z";
  copy.environment.threads = 4;
  return copy;
}

/** A document of 32,768 tokens. */
export function longState(): PanelState {
  const lines = Array.from({ length: 3200 }, (_, i) => `Line ${i + 1} of a long document, with a few words in it.`);
  const text = lines.join("\n");
  return stateOf({ report: withCounts(sampleReport({ text, tokens: 32768 })), text });
}

/** A preset of the paper: 49 layers, synthetic weights. */
export function presetState(): PanelState {
  const report = sampleReport({ synthetic: true, tokens: 32768 });
  const layers = 49;
  const schedule = Array.from({ length: layers }, (_, i): "full" | "sparse" =>
    i % 12 === 0 || i === layers - 1 ? "full" : "sparse",
  );
  const variants = Object.fromEntries(
    Object.entries(report.variants).map(([name, data]) => [
      name,
      {
        ...data,
        totals: { ...data.totals, ...stretched(data.totals, layers / data.layers.length) },
        layers: schedule.map((kind, index) => {
          const like = data.layers.find((layer) =>
            name === "full" ? true : (layer.kind === "full") === (kind === "full"),
          );
          return { ...structuredClone(like ?? data.layers[0]!), index };
        }),
      },
    ]),
  );
  return stateOf({
    report: {
      ...report,
      document: { ...report.document, sha256: createHash("sha256").update("preset").digest("hex") },
      model: {
        ...report.model,
        name: "paper-80b-a3b",
        parameters: 80_000_000_000,
        architecture: { ...report.model.architecture, layers, sparsePerFull: 11 },
        schedule,
      },
      variants,
      warnings: [
        "The weights of paper-80b-a3b are random: latency and memory hold for its shape, the selection means nothing and no importance is shown.",
      ],
    },
    canFollow: false,
    document: "unknown",
  });
}

/** Totals of a model with so many times the layers. */
function stretched(totals: Totals, times: number): Partial<Totals> {
  return {
    prefillMs: totals.prefillMs * times,
    prefillMinMs: totals.prefillMinMs * times,
    prefillMaxMs: totals.prefillMaxMs * times,
    prefillSamples: totals.prefillSamples.map((ms) => ms * times),
  };
}
