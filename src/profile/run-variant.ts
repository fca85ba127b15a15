import type { RunObserver, Runner } from "../engine/engine.ts";
import type { Selection } from "../engine/selection.ts";
import { StageTimer, type StageTimes } from "./stage-times.ts";
import type { BeforeLayer } from "./turns.ts";

/** One timed prefill, or the mean of a batch of decode steps. */
export interface TimedRun {
  /** Of the whole prefill, or per output token. */
  readonly ms: number;
  readonly stages: StageTimes;
}

export interface RunContext {
  readonly signal?: AbortSignal | undefined;
  /** Share of the run that is done, 0 to 1. */
  readonly onProgress: (share: number) => void;
}

interface PrefillContext extends RunContext, Pick<RunObserver, "onScores"> {
  /** The milliseconds that it makes the run wait are not the run's. */
  readonly beforeLayer?: BeforeLayer;
}

/** Prefills `tokens`; the runner keeps the context. `next` is the token that greedy decoding takes first. */
export async function timedPrefill(
  runner: Runner,
  tokens: Uint32Array,
  { signal, onProgress, onScores, beforeLayer }: PrefillContext,
): Promise<TimedRun & { readonly next: number }> {
  const timer = new StageTimer(runner.plan.length);
  let waited = 0;
  const waits = async (turn: Promise<void>): Promise<void> => {
    const from = performance.now();
    await turn;
    waited += performance.now() - from;
  };
  const begin = performance.now();
  const logits = await runner.prefill(tokens, {
    ...(signal === undefined ? {} : { signal }),
    beforeLayer: (done) => {
      const turn = beforeLayer?.(done);
      return turn && waits(turn);
    },
    observer: {
      onStage: timer.onStage,
      onProgress: (done, total) => onProgress(done / total),
      ...(onScores === undefined ? {} : { onScores }),
    },
  });
  return { ms: performance.now() - begin - waited, stages: timer.per(1), next: argmax(logits) };
}

/**
 * Decodes `steps` tokens greedily, from `first` on. Room for them must have been reserved. Steps follow each other in the
 * same state of the machine, so that their mean is one sample and not so many.
 */
export async function timedDecode(
  runner: Runner,
  first: number,
  steps: number,
  { signal, onProgress }: RunContext,
): Promise<TimedRun> {
  const timer = new StageTimer(runner.plan.length);
  let token = first;
  let ms = 0;
  for (let step = 0; step < steps; step++) {
    const from = performance.now();
    const logits = await runner.decode(token, {
      ...(signal === undefined ? {} : { signal }),
      observer: { onStage: timer.onStage },
    });
    ms += performance.now() - from;
    token = argmax(logits);
    onProgress((step + 1) / steps);
  }
  return { ms: ms / steps, stages: timer.per(steps) };
}

/** One prefill and its decode steps, timed. */
export interface VariantRun {
  readonly prefillMs: number;
  /** Mean over the decode steps; undefined when there were none. */
  readonly perTokenMs?: number;
  readonly prefillStages: StageTimes;
  /** Per output token. */
  readonly decodeStages?: StageTimes;
  /** Per layer, as allocated when the prefill ended. */
  readonly kvBytes: readonly number[];
  readonly selection: Selection | undefined;
}

export interface VariantRunOptions extends RunContext {
  readonly decodeTokens: number;
  /** Also told of block scores; leave out while timing. */
  readonly onScores?: RunObserver["onScores"];
}

/** Share of a run's progress that is given to its prefill; only the progress bar depends on it. */
const PREFILL_SHARE = 0.9;

/** Prefills `tokens`, decodes greedily, and leaves the runner empty. */
export async function runVariant(runner: Runner, tokens: Uint32Array, options: VariantRunOptions): Promise<VariantRun> {
  const { decodeTokens, signal, onScores } = options;
  const prefillShare = decodeTokens > 0 ? PREFILL_SHARE : 1;
  const prefill = await timedPrefill(runner, tokens, {
    signal,
    onProgress: (share) => options.onProgress(prefillShare * share),
    ...(onScores === undefined ? {} : { onScores }),
  });
  const kvBytes = runner.kvBytes();
  let decode: TimedRun | undefined;
  if (decodeTokens > 0) {
    // Room for the answer is made once, outside the clock, as a server would.
    await runner.reserve(tokens.length + decodeTokens);
    decode = await timedDecode(runner, prefill.next, decodeTokens, {
      signal,
      onProgress: (share) => options.onProgress(prefillShare + (1 - prefillShare) * share),
    });
  }
  const selection = await runner.selection();
  runner.reset();
  return {
    prefillMs: prefill.ms,
    prefillStages: prefill.stages,
    kvBytes,
    selection,
    ...(decode === undefined ? {} : { perTokenMs: decode.ms, decodeStages: decode.stages }),
  };
}

/** Index of the largest logit, the first of equals. */
export function argmax(logits: Float32Array): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[best]!) best = i;
  return best;
}
