import type { Engine, Runner } from "../engine/engine.ts";
import type { Selection } from "../engine/selection.ts";
import type { KnownSpread } from "./known-spread.ts";
import { interleaved, type RoundPlace, type RoundPlan } from "./rounds.ts";
import { timedDecode, timedPrefill, type TimedRun } from "./run-variant.ts";
import { TurnLength } from "./turns.ts";

/** What the timed rounds of one runner gave, in order of rounds. */
export interface RunnerRounds {
  readonly prefills: readonly TimedRun[];
  /** Empty where nothing was decoded. */
  readonly decodes: readonly TimedRun[];
  /** Per layer, as allocated when a prefill ended. */
  readonly kvBytes: readonly number[];
  /** Of the prompt and one batch of decoded tokens. */
  readonly selection: Selection | undefined;
}

export type Runs<Key> = ReadonlyMap<Key, RunnerRounds>;

export interface TimedRoundsOptions<Key> {
  readonly engine: Pick<Engine, "wake">;
  /** By a name each: those of a profile are its variants, a bench may run the same variant twice. */
  readonly runners: ReadonlyMap<Key, Runner>;
  /** The one whose ratio to each of the others is to become known. */
  readonly subject: Key;
  readonly tokens: Uint32Array;
  /** Steps of one batch, whose mean is one sample; 0 decodes nothing. */
  readonly decodeTokens: number;
  readonly plans: Readonly<Record<keyof KnownSpread, RoundPlan>>;
  /**
   * Whether memory holds all contexts at once: then prefills take turns and decode has rounds of its own. Else each runner decodes one batch right
   * after each of its prefills, and decode has as many rounds as prefill.
   */
  readonly together: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Told when a run begins and while it goes on, `share` of it being done. */
  readonly onRun?: (phase: keyof KnownSpread, key: Key, place: RoundPlace, share: number) => void;
  /** Told what there is after each round; the next one waits for it. */
  readonly onRound?: ((phase: keyof KnownSpread, runs: Runs<Key>) => Promise<void>) | undefined;
}

interface Collected {
  readonly prefills: TimedRun[];
  readonly decodes: TimedRun[];
  kvBytes: readonly number[];
  selection: Selection | undefined;
  /** The first token that is decoded. */
  next: number;
}

/**
 * The timed rounds: prefills of all runners, interleaved, then decode batches of all runners, interleaved, each from the
 * very context that the last prefill left. Leaves the runners empty.
 */
export async function timedRounds<Key>(options: TimedRoundsOptions<Key>): Promise<Runs<Key>> {
  const { engine, runners, subject, tokens, decodeTokens, plans, together, signal } = options;
  const keys = [...runners.keys()];
  const results = new Map<Key, Collected>(
    keys.map((key) => [key, { prefills: [], decodes: [], kvBytes: [], selection: undefined, next: 0 }]),
  );
  const of = (key: Key): { readonly runner: Runner; readonly result: Collected } => ({
    runner: runners.get(key)!,
    result: results.get(key)!,
  });
  const context = (phase: keyof KnownSpread, key: Key, place: RoundPlace) => ({
    signal,
    onProgress: (share: number) => options.onRun?.(phase, key, place, share),
  });
  const begin = async (phase: keyof KnownSpread, key: Key, place: RoundPlace): Promise<void> => {
    options.onRun?.(phase, key, place, 0);
    await engine.wake?.();
  };
  const ended = async (phase: keyof KnownSpread, round: number): Promise<void> => {
    if (options.onRound === undefined) return;
    // What is selected does not change from round to round, and may have to be fetched from a device.
    if (together && round === 0) for (const key of keys) of(key).result.selection = await of(key).runner.selection();
    await options.onRound(phase, results);
  };

  await interleaved({
    keys,
    subject,
    phase: "prefill",
    plan: plans.prefill,
    turns: together ? new TurnLength() : undefined,
    onRound: (round) => ended("prefill", round),
    run: async (key, place, beforeLayer) => {
      const { runner, result } = of(key);
      await begin("prefill", key, place);
      const run = { ...context("prefill", key, place), beforeLayer };
      const { ms, stages, next } = await timedPrefill(runner, tokens, run);
      result.prefills.push({ ms, stages });
      result.kvBytes = runner.kvBytes();
      result.next = next;
      if (together) return ms;
      if (decodeTokens > 0) {
        await runner.reserve(tokens.length + decodeTokens);
        result.decodes.push(await timedDecode(runner, next, decodeTokens, { signal, onProgress: () => undefined }));
      }
      result.selection ??= await runner.selection();
      runner.reset();
      return ms;
    },
  });
  if (!together) return results;

  if (decodeTokens > 0) {
    for (const key of keys) {
      const { runner, result } = of(key);
      // Room is made outside the clock, as a server would, and a first step touches it.
      await runner.reserve(tokens.length + decodeTokens);
      await runner.mark();
      await runner.decode(result.next, signal === undefined ? {} : { signal });
    }
    await interleaved({
      keys,
      subject,
      phase: "decode",
      plan: plans.decode,
      onRound: (round) => ended("decode", round),
      run: async (key, place) => {
        const { runner, result } = of(key);
        await runner.rewind();
        await begin("decode", key, place);
        const run = await timedDecode(runner, result.next, decodeTokens, context("decode", key, place));
        result.decodes.push(run);
        return run.ms;
      },
    });
  }
  for (const key of keys) {
    const { runner, result } = of(key);
    result.selection = await runner.selection();
    runner.reset();
  }
  return results;
}
