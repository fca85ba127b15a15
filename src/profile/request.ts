import type { Engine, Variant } from "../engine/engine.ts";
import type { Model } from "../model/model.ts";
import type { Found } from "../protocol/jobs.ts";
import type { SelectionTable } from "../protocol/selection-table.ts";
import type { ProfileSettings } from "../protocol/settings.ts";
import type { KnownSpread } from "./known-spread.ts";
import { asNeeded, exactly, type RoundPlan } from "./rounds.ts";

export interface ProfileProgress {
  /** What is going on, for people: "warm-up", "prefill 2 of 3", "decode 2 of 3", "peak memory". */
  readonly phase: string;
  readonly variant?: Variant;
  /** Share of the whole job that is done, `done` of `total`; never goes back. */
  readonly done: number;
  readonly total: number;
}

/** Measures the peak resident bytes of one run of `variant` on `tokens`, apart from this process. */
export type PeakMeasurement = (variant: Variant, tokens: Uint32Array, signal?: AbortSignal) => Promise<number>;

/** Queries per prefill chunk: as asked, or what the engine chooses for this model. */
export function chunkOf({ chunk, engine, model }: ProfileRequest): number {
  return chunk ?? engine.defaultChunk(model);
}

/** Time for a length of a sweep, of what the document gets. */
export const SWEEP_SHARE = 0.5;

/** The rounds that are asked for; those of a sweep's length have half the time of the document's. */
export function plansOf({ repetitions }: ProfileSettings, share = 1): Readonly<Record<keyof KnownSpread, RoundPlan>> {
  const plan = (phase: keyof KnownSpread): RoundPlan =>
    repetitions === "auto" ? asNeeded(phase, share) : exactly(repetitions);
  return { prefill: plan("prefill"), decode: plan("decode") };
}

/** What to measure, and with what. */
export interface ProfileRequest extends ProfileSettings {
  readonly model: Model;
  readonly engine: Engine;
  /** Why this engine was picked, for the report. */
  readonly engineReason: string;
  readonly measurePeak: PeakMeasurement;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ProfileProgress) => void;
  /** Given every query's selection, once, where hysparse is among the variants and was recorded (a warm-up was made). */
  readonly onSelection?: (table: SelectionTable) => void;
  /** Told what the report so far has that it had not when told last: top-level parts, each whole. */
  readonly onPartial?: (found: Found) => void;
  /** Milliseconds after each such telling in which nothing is timed, for whoever draws it on the same processors; default 0. */
  readonly settleMs?: number;
}
