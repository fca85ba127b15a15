import { ATTEND_PARTS, type RunObserver, type Stage } from "./engine.ts";

const parts: ReadonlySet<Stage> = new Set(ATTEND_PARTS);

/** Tells an observer of a stage's time; a part of attention counts as attention too. */
export function tellStage(observer: RunObserver | undefined, layer: number, stage: Stage, ms: number): void {
  observer?.onStage?.(layer, stage, ms);
  if (parts.has(stage)) observer?.onStage?.(layer, "attend", ms);
}
