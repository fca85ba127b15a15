import type { Runner, Variant } from "../engine/engine.ts";
import type { ProgressMeter } from "./progress-meter.ts";
import type { ProfileRequest } from "./request.ts";
import { runVariant, type VariantRun } from "./run-variant.ts";

/** Every timed run of each variant, in order. */
export type Runs = ReadonlyMap<Variant, readonly VariantRun[]>;

/**
 * The timed runs: variants interleaved, their order rotated by one each round, so that drift of the machine falls on all
 * alike. `begin` is told of each run before it starts, with "repetition 2 of 3".
 */
export async function timedRounds(
  request: ProfileRequest,
  runners: ReadonlyMap<Variant, Runner>,
  tokens: Uint32Array,
  meter: ProgressMeter,
  begin: (repetition: string, variant: Variant) => void,
): Promise<Runs> {
  const { engine, repetitions, decodeTokens, signal } = request;
  const order = [...runners];
  const runs = new Map<Variant, VariantRun[]>(order.map(([variant]) => [variant, []]));
  for (let round = 0; round < repetitions; round++) {
    for (let i = 0; i < order.length; i++) {
      const [variant, runner] = order[(i + round) % order.length]!;
      begin(`repetition ${round + 1} of ${repetitions}`, variant);
      await engine.wake?.();
      const run = await runVariant(runner, tokens, {
        decodeTokens,
        signal,
        onProgress: (share) => meter.advance(share),
      });
      runs.get(variant)?.push(run);
    }
  }
  return runs;
}
