import type { Variant } from "../../../src/engine/engine.ts";
import { predictedKvBytes } from "../../../src/profile/kv.ts";
import type { Report, SweepPoint } from "../../../src/protocol/report.ts";

/** Prefill milliseconds of a variant at a length: what matters is where they cross, at 6,000 tokens and never. */
const PREFILL: Readonly<Record<Variant, (tokens: number) => number>> = {
  hysparse: (tokens) => 0.6 * tokens,
  full: (tokens) => 0.3 * tokens * (1 + tokens / 6000),
  "hybrid-swa": (tokens) => 0.3 * tokens,
  streaming: (tokens) => 0.2 * tokens,
  moba: (tokens) => 0.5 * tokens,
  "index-reuse": (tokens) => 0.5 * tokens,
  nsa: (tokens) => 0.7 * tokens,
};

const DECODE: Readonly<Record<Variant, (tokens: number) => number>> = {
  hysparse: () => 5,
  full: (tokens) => 6 + tokens / 1000,
  "hybrid-swa": () => 5,
  streaming: () => 4,
  moba: () => 5,
  "index-reuse": () => 5,
  nsa: () => 6,
};

/** The report with a sweep over `lengths`; samples spread by 2 % either way. */
export function withSweep(report: Report, lengths: readonly number[], repetitions = 3): Report {
  const spread = (ms: number): number[] =>
    Array.from(
      { length: repetitions },
      (_, i) => ms * (1 + 0.02 * (repetitions === 1 ? 0 : (2 * i) / (repetitions - 1) - 1)),
    );
  const points = lengths.map((tokens): SweepPoint => {
    const variants: SweepPoint["variants"] = {};
    for (const variant of report.settings.variants) {
      const kv = predictedKvBytes(report.model.architecture, variant, tokens, 4);
      variants[variant] = {
        prefillMs: PREFILL[variant](tokens),
        prefillSamples: spread(PREFILL[variant](tokens)),
        ...(report.settings.decodeTokens === 0
          ? {}
          : {
              timePerOutputTokenMs: DECODE[variant](tokens),
              timePerOutputTokenSamples: spread(DECODE[variant](tokens)),
            }),
        kvBytes: kv.reduce((sum, bytes) => sum + bytes, 0),
      };
    }
    return { tokens, repeated: tokens > report.document.totalTokens, variants };
  });
  return {
    ...report,
    settings: { ...report.settings, sweep: [...lengths] },
    sweep: { method: "The document's tokens cut to each length, or repeated to fill it.", points },
  };
}

/** Multiplies one variant's prefill times at one length of a sweep. */
export function slowed(report: Report, tokens: number, variant: Variant, factor: number): Report {
  const changed = structuredClone(report);
  const of = changed.sweep!.points.find((point) => point.tokens === tokens)!.variants[variant]!;
  of.prefillMs *= factor;
  of.prefillSamples = of.prefillSamples.map((sample) => sample * factor);
  return changed;
}
