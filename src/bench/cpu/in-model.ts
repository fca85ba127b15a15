import type { MixerId } from "../../designs/plan.ts";
import type { CpuEngine } from "../../engine/cpu/engine.ts";
import type { Runner, Variant } from "../../engine/engine.ts";
import { floatModel } from "../../engine/float-model.ts";
import type { Model } from "../../model/model.ts";
import type { Samples } from "../../protocol/report.ts";
import { StageTimer } from "../../profile/stage-times.ts";
import { summarize } from "../../profile/statistics.ts";
import { AloneAttention } from "./alone.ts";

const PLACES = ["inModel", "alone", "ordinary"] as const;
type Place = (typeof PLACES)[number];

/**
 * One layer's attention over a whole prefill:
 * - inModel: as the stage is timed in a run of the model
 * - alone: the same operator with nothing around it, on the queries, keys, values and gates of the model's run
 * - ordinary: the same on random values (a sparse layer still reads the blocks that were chosen in the model's run)
 */
export interface LayerTimes extends Readonly<Record<Place, Samples>> {
  readonly layer: number;
  readonly mixer: MixerId;
  /** It emits scores and selects for sparse layers. */
  readonly oracle: boolean;
}

/**
 * Times every layer's attention by turns inside a prefill of `tokens` and outside of it, `repetitions` times after a warm-up:
 * whatever slows a layer only inside a model (its neighbours, the values it meets) shows as a ratio. Two hybrid blocks and one
 * layer more are run.
 */
export async function layersInModel(
  engine: CpuEngine,
  model: Model,
  variant: Variant,
  tokens: Uint32Array,
  repetitions: number,
): Promise<LayerTimes[]> {
  const layers = 2 * (model.architecture.sparsePerFull + 1) + 1;
  const short = { ...model, architecture: { ...model.architecture, layers } };
  const runner = await engine.load(short, variant);
  const alone = new AloneAttention(await floatModel(short), runner, engine.info.threads);
  await alone.capture(runner, tokens, engine.defaultChunk(short));
  const samples = runner.plan.map((): Record<Place, number[]> => ({ inModel: [], alone: [], ordinary: [] }));
  for (let round = -1; round < repetitions; round++) {
    const times: Record<Place, readonly number[]> = {
      inModel: await inModel(runner, tokens),
      alone: await alone.run("captured"),
      ordinary: await alone.run("random"),
    };
    if (round < 0) continue;
    samples.forEach((of, layer) => {
      for (const place of PLACES) of[place].push(times[place][layer] ?? 0);
    });
  }
  await runner.dispose();
  await alone.dispose();
  return samples.map((of, layer) => ({
    layer,
    mixer: runner.plan[layer]!.mixer,
    oracle: alone.isOracle(layer),
    inModel: summarize(of.inModel),
    alone: summarize(of.alone),
    ordinary: summarize(of.ordinary),
  }));
}

async function inModel(runner: Runner, tokens: Uint32Array): Promise<number[]> {
  const timer = new StageTimer(runner.plan.length);
  await runner.prefill(tokens, { observer: { onStage: timer.onStage } });
  runner.reset();
  return timer.per(1).map((stages) => stages.get("attend") ?? 0);
}

/** Mean over some layers, round by round. */
export function meanOf(layers: readonly LayerTimes[], place: Place): Samples {
  const rounds = layers[0]?.[place].samples ?? [];
  const sum = (round: number): number => layers.reduce((total, of) => total + (of[place].samples[round] ?? 0), 0);
  return summarize(rounds.map((_, round) => sum(round) / layers.length));
}
