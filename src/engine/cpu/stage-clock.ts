import { ATTEND_PARTS, type RunOptions, type Stage } from "../engine.ts";

const parts: ReadonlySet<Stage> = new Set(ATTEND_PARTS);

/** Times the stages of a run on the monotonic clock and stops it between any two of them. */
export class StageClock {
  readonly #options: RunOptions;

  constructor(options: RunOptions) {
    this.#options = options;
  }

  /** Runs `work` as part of `stage`; a part of attention counts as attention too. */
  async time<T>(layer: number, stage: Stage, work: () => T | Promise<T>): Promise<T> {
    this.#options.signal?.throwIfAborted();
    const begin = performance.now();
    const result = await work();
    const ms = performance.now() - begin;
    this.#options.observer?.onStage?.(layer, stage, ms);
    if (parts.has(stage)) this.#options.observer?.onStage?.(layer, "attend", ms);
    return result;
  }
}
