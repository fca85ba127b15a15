import type { RunOptions, Stage } from "../engine.ts";
import { tellStage } from "../tell-stage.ts";

/** Times the stages of a run on the monotonic clock and stops it between any two of them. */
export class StageClock {
  readonly #options: RunOptions;

  constructor(options: RunOptions) {
    this.#options = options;
  }

  /** Ends the run when it is aborted. */
  get signal(): AbortSignal | undefined {
    return this.#options.signal;
  }

  /** Runs `work` as part of `stage`; a part of attention counts as attention too. */
  async time<T>(layer: number, stage: Stage, work: () => T | Promise<T>): Promise<T> {
    this.#options.signal?.throwIfAborted();
    const begin = performance.now();
    const result = await work();
    const ms = performance.now() - begin;
    tellStage(this.#options.observer, layer, stage, ms);
    return result;
  }
}
