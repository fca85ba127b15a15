import type { RunObserver, Stage } from "../engine.ts";
import { tellStage } from "../tell-stage.ts";
import type { CudaContext } from "./context.ts";

interface Span {
  readonly layer: number;
  readonly stage: Stage;
}

/**
 * Times stages by events on the device's stream: one where each begins and one where the last of a chunk ends. Without an
 * observer of stages nothing is recorded.
 */
export class StageClock {
  readonly #context: CudaContext;
  /** Events that are free to record. */
  readonly #spare: bigint[] = [];
  /** Stages since the last reading, with the event at which each began; undefined ends a chunk. */
  readonly #begun: { readonly event: bigint; readonly span: Span | undefined }[] = [];
  #observer: RunObserver | undefined;

  constructor(context: CudaContext) {
    this.#context = context;
  }

  open(observer: RunObserver | undefined): void {
    this.abandon();
    this.#observer = observer?.onStage === undefined ? undefined : observer;
  }

  begin(layer: number, stage: Stage): void {
    this.#record({ layer, stage });
  }

  /** Ends a chunk's last stage. */
  end(): void {
    this.#record(undefined);
  }

  /** Tells of all that has begun and ended, once the device is done with it. */
  tell(): void {
    for (const [i, { event, span }] of this.#begun.entries()) {
      const next = this.#begun[i + 1];
      if (span === undefined || next === undefined) continue;
      tellStage(this.#observer, span.layer, span.stage, this.#context.elapsed(event, next.event));
    }
    this.abandon();
  }

  /** Forgets what was not told. */
  abandon(): void {
    this.#spare.push(...this.#begun.splice(0).map(({ event }) => event));
  }

  free(): void {
    this.abandon();
    for (const event of this.#spare.splice(0)) this.#context.destroyEvent(event);
  }

  #record(span: Span | undefined): void {
    if (this.#observer === undefined) return;
    const event = this.#spare.pop() ?? this.#context.createEvent();
    this.#context.record(event);
    this.#begun.push({ event, span });
  }
}
