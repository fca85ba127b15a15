import type { RunObserver, Runner } from "../engine/engine.ts";
import type { Selection } from "../engine/selection.ts";
import { StageTimer, type StageTimes } from "./stage-times.ts";

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

export interface VariantRunOptions {
  readonly decodeTokens: number;
  readonly signal?: AbortSignal | undefined;
  /** Also told of block scores; leave out while timing. */
  readonly onScores?: RunObserver["onScores"];
  /** Share of the run that is done, 0 to 1. */
  readonly onProgress: (share: number) => void;
}

/** Share of a run's progress that is given to its prefill; only the progress bar depends on it. */
const PREFILL_SHARE = 0.9;

/** Prefills `tokens`, decodes greedily, and leaves the runner empty. */
export async function runVariant(runner: Runner, tokens: Uint32Array, options: VariantRunOptions): Promise<VariantRun> {
  const { decodeTokens, signal } = options;
  const layers = runner.kinds.length;
  const prefillShare = decodeTokens > 0 ? PREFILL_SHARE : 1;
  const prefill = new StageTimer(layers);
  const cancel = signal === undefined ? {} : { signal };
  const begin = performance.now();
  let logits = await runner.prefill(tokens, {
    ...cancel,
    observer: {
      onStage: prefill.onStage,
      onProgress: (done, total) => options.onProgress((prefillShare * done) / total),
      ...(options.onScores === undefined ? {} : { onScores: options.onScores }),
    },
  });
  const prefillMs = performance.now() - begin;
  const kvBytes = runner.kvBytes();

  // Room for the answer is made once, outside the clock, as a server would.
  await runner.reserve(tokens.length + decodeTokens);
  const decode = new StageTimer(layers);
  let decodeMs = 0;
  for (let step = 0; step < decodeTokens; step++) {
    const token = argmax(logits);
    const from = performance.now();
    logits = await runner.decode(token, { ...cancel, observer: { onStage: decode.onStage } });
    decodeMs += performance.now() - from;
    options.onProgress(prefillShare + ((1 - prefillShare) * (step + 1)) / decodeTokens);
  }
  const selection = await runner.selection();
  runner.reset();
  return {
    prefillMs,
    prefillStages: prefill.per(1),
    kvBytes,
    selection,
    ...(decodeTokens > 0 ? { perTokenMs: decodeMs / decodeTokens, decodeStages: decode.per(decodeTokens) } : {}),
  };
}

/** Index of the largest logit, the first of equals. */
export function argmax(logits: Float32Array): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[best]!) best = i;
  return best;
}
