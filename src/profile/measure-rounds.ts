import type { Runner, Variant } from "../engine/engine.ts";
import type { KnownSpread } from "./known-spread.ts";
import { fitTogether } from "./memory-check.ts";
import type { ProgressMeter } from "./progress-meter.ts";
import { plansOf, type ProfileRequest } from "./request.ts";
import { subjectOf } from "./subject.ts";
import { timedRounds, type Runs, type TimedRoundsOptions } from "./timed-rounds.ts";

/** Why decode has no rounds of its own, where that is so. */
export function decodeNote(request: ProfileRequest, tokens: number): string | undefined {
  if (request.decodeTokens === 0 || request.variants.length < 2 || fitTogether(request, tokens)) return undefined;
  return (
    `The KV caches of all variants do not fit in memory together at ${tokens} tokens. Decode was timed after each prefill, ` +
    "so it has only as many rounds as prefill."
  );
}

interface RoundsOptions extends Pick<TimedRoundsOptions<Variant>, "onRound"> {
  /** Memory holds all contexts at once (decodeNote). */
  readonly together: boolean;
  /** Stands before what the meter tells. */
  readonly title?: string;
  /** Of the time that a document's rounds get. */
  readonly share?: number;
}

/** The timed rounds of a request on these tokens. */
export async function measureRounds(
  request: ProfileRequest,
  runners: ReadonlyMap<Variant, Runner>,
  tokens: Uint32Array,
  meter: ProgressMeter,
  { together, title = "", share = 1, onRound }: RoundsOptions,
): Promise<Runs<Variant>> {
  const { engine, decodeTokens, signal } = request;
  let phase: keyof KnownSpread | undefined;
  return timedRounds({
    engine,
    runners,
    subject: subjectOf([...runners.keys()])!,
    tokens,
    decodeTokens,
    plans: plansOf(request, share),
    together,
    signal,
    onRound,
    onRun: (of, variant, place, done) => {
      if (of !== phase) meter.beginRounds(of, tokens.length);
      phase = of;
      meter.round(title, of, variant, place, done);
    },
  });
}
