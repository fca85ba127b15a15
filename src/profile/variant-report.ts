import type { Span } from "../designs/costs.ts";
import { designById, parametersOf, planOf, type DesignId } from "../designs/designs.ts";
import { throughOf, type LayerPlan } from "../designs/plan.ts";
import type { Ceilings, Variant } from "../engine/engine.ts";
import type { Selection } from "../engine/selection.ts";
import type { Model } from "../model/model.ts";
import { floorMs, layerCosts, withAttend } from "./cost.ts";
import { predictedKvBytes } from "./kv.ts";
import type { LayerReport, VariantReport } from "../protocol/report.ts";
import { selectedKeys } from "./selected-keys.ts";
import { phaseReport, type StageTimes } from "./stage-times.ts";
import { summarize } from "./statistics.ts";
import type { RunnerRounds } from "./timed-rounds.ts";

export interface VariantMeasurement {
  readonly model: Model;
  readonly variant: Variant;
  readonly rounds: RunnerRounds;
  readonly tokens: number;
  readonly decodeTokens: number;
  readonly bytesPerValue: number;
  readonly ceilings: Ceilings;
  /** Queries per chunk of the prefill. */
  readonly chunk: number;
  /** Absent before it was measured. */
  readonly peakBytes?: number;
}

/** One variant's part of the report, from its timed runs. */
export function variantReport(m: VariantMeasurement): VariantReport {
  const { model } = m;
  const { prefills, decodes, kvBytes } = m.rounds;
  if (prefills.length === 0) throw new Error(`${m.variant} was never run`);
  const predicted = predictedKvBytes(model.architecture, m.variant, m.tokens, m.bytesPerValue);
  const layers = planOf(model.architecture, m.variant).map((plan, index): LayerReport => {
    return {
      index,
      kind: plan.mixer,
      kvBytes: kvBytes[index] ?? 0,
      kvBytesPredicted: predicted[index] ?? 0,
      ...(plan.readsFrom === undefined ? {} : { kvBorrowedFrom: plan.readsFrom }),
      ...(plan.chosenBy === undefined ? {} : { chosenBy: plan.chosenBy }),
      prefill: layerPhase(
        m,
        plan,
        index,
        { from: 0, to: m.tokens, passes: 1 },
        prefills.map(({ stages }) => stages),
        { steps: 1, pieces: Math.ceil(m.tokens / m.chunk) },
      ),
      ...(decodes.length > 0
        ? {
            decode: layerPhase(
              m,
              plan,
              index,
              { from: m.tokens, to: m.tokens + m.decodeTokens, passes: m.decodeTokens },
              decodes.map(({ stages }) => stages),
              { steps: m.decodeTokens, pieces: 1 },
            ),
          }
        : {}),
    };
  });
  const prefill = summarize(prefills.map(({ ms }) => ms));
  const perToken = decodes.map(({ ms }) => ms);
  const sum = (of: (layer: LayerReport) => number): number => layers.reduce((total, layer) => total + of(layer), 0);
  return {
    layers,
    totals: {
      prefillMs: prefill.medianMs,
      prefillMinMs: prefill.minMs,
      prefillMaxMs: prefill.maxMs,
      prefillSamples: prefill.samples,
      ...(perToken.length > 0 ? perTokenTotals(perToken) : {}),
      kvBytes: sum((layer) => layer.kvBytes),
      kvBytesPredicted: sum((layer) => layer.kvBytesPredicted),
      ...(m.peakBytes === undefined ? {} : { peakBytes: m.peakBytes }),
    },
    ...(designById(m.variant).parameters === undefined
      ? {}
      : { parameters: { ...parametersOf(model.architecture, m.variant) } }),
    ...(model.origin === "trained" && !meansSomething(m.variant, model.design)
      ? {
          note:
            `These weights were trained as ${designById(model.design).words}: times and memory are valid, this variant's ` +
            "output is not.",
        }
      : {}),
  };
}

/** Whether the output under a design is that of weights that were made for it, `made` being what they were made for. */
function meansSomething(design: DesignId, made: DesignId): boolean {
  return design === made || (designById(design).untrained === true && designById(made).baseline === true);
}

function perTokenTotals(samples: readonly number[]): Partial<VariantReport["totals"]> {
  const { medianMs, minMs, maxMs } = summarize(samples);
  return {
    timePerOutputTokenMs: medianMs,
    timePerOutputTokenMinMs: minMs,
    timePerOutputTokenMaxMs: maxMs,
    timePerOutputTokenSamples: [...samples],
  };
}

function layerPhase(
  m: VariantMeasurement,
  plan: LayerPlan,
  layer: number,
  span: Span,
  rounds: readonly StageTimes[],
  { steps, pieces }: { readonly steps: number; readonly pieces: number },
): LayerReport["prefill"] {
  const { architecture } = m.model;
  const through = keysRead(m.rounds.selection, throughOf(plan), span, plan.choice?.block);
  const costs = layerCosts(architecture, { plan, selectedKeys: through }, span, m.bytesPerValue);
  const perStep = Object.fromEntries(
    Object.entries(withAttend(costs)).map(([stage, { flops, bytes }]) => [
      stage,
      { flops: flops / steps, bytes: bytes / steps },
    ]),
  );
  return phaseReport(rounds, layer, perStep, (cost) => floorMs(cost, m.ceilings, pieces));
}

function keysRead(selection: Selection | undefined, oracle: number | undefined, span: Span, block?: number): number {
  const chosen = selection?.oracles.find(({ layer }) => layer === oracle);
  return chosen === undefined || block === undefined ? 0 : selectedKeys(chosen, span.from, span.to, block);
}
