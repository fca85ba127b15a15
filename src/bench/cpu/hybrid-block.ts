import { VARIANTS, type Engine, type Runner, type Variant } from "../../engine/engine.ts";
import type { Model } from "../../model/model.ts";
import { StageTimer } from "../../profile/stage-times.ts";
import { summarize } from "../../profile/statistics.ts";
import type { Samples } from "../../protocol/report.ts";

/** Attention time of one hybrid block (an oracle and its sparse layers), per variant. */
export interface BlockTimes {
  readonly tokens: number;
  readonly layers: readonly [first: number, last: number];
  readonly variants: ReadonlyMap<Variant, Samples>;
}

/**
 * Prefills `tokens` with every variant in turn, `repetitions` times after a warm-up, and adds up the attention stage over
 * the layers of each hybrid block. Only as many layers run as it takes for the second block to see real activations.
 */
export async function hybridBlocks(
  engine: Engine,
  model: Model,
  tokens: Uint32Array,
  repetitions: number,
  say: (line: string) => void,
): Promise<BlockTimes[]> {
  const size = model.architecture.sparsePerFull + 1;
  const firsts = [0, size];
  const short = { ...model, architecture: { ...model.architecture, layers: 2 * size + 1 } };
  const runners = new Map<Variant, Runner>();
  for (const variant of VARIANTS) runners.set(variant, await engine.load(short, variant));
  const samples = firsts.map(() => new Map<Variant, number[]>(VARIANTS.map((variant) => [variant, []])));
  for (let round = -1; round < repetitions; round++) {
    for (const [variant, runner] of runners) {
      const timer = new StageTimer(short.architecture.layers);
      const begin = performance.now();
      await runner.prefill(tokens, { observer: { onStage: timer.onStage } });
      runner.reset();
      say(
        `${tokens.length} tokens, ${variant}, ${round < 0 ? "warm-up" : `round ${round + 1}`}: ` +
          `${((performance.now() - begin) / 1000).toFixed(1)} s`,
      );
      if (round < 0) continue;
      const times = timer.per(1);
      firsts.forEach((first, i) => {
        const attend = times.slice(first, first + size).reduce((sum, layer) => sum + (layer.get("attend") ?? 0), 0);
        samples[i]?.get(variant)?.push(attend);
      });
    }
  }
  for (const runner of runners.values()) await runner.dispose();
  return firsts.map((first, i) => ({
    tokens: tokens.length,
    layers: [first, first + size - 1],
    variants: new Map([...(samples[i] ?? [])].map(([variant, values]) => [variant, summarize(values)])),
  }));
}
