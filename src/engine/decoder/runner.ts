import type { LayerPlan } from "../../designs/plan.ts";
import { UserError } from "../../model/errors.ts";
import type { RunObserver, RunOptions, Runner, SelectionSwap, Variant } from "../engine.ts";
import { logitRows } from "../logit-pieces.ts";
import type { Selection } from "../selection.ts";
import { requireNoSwap } from "../swap.ts";
import type { Chunk, DecoderBody, Run } from "./body.ts";

/** `spent`: a call failed half way, so the caches hold part of a chunk. */
type State = "ready" | "running" | "spent" | "disposed";

const WHY_NOT: Readonly<Record<Exclude<State, "ready">, string>> = {
  running: "the runner is running: it takes one call at a time",
  spent: "the runner is spent: it must be reset before it is used again",
  disposed: "the runner is disposed: load the model again",
};

/** What a runner runs. */
export interface Decoder {
  readonly variant: Variant;
  readonly plan: readonly LayerPlan[];
  readonly vocabulary: number;
  /** Queries per prefill chunk. */
  readonly chunk: number;
  readonly swap: SelectionSwap | undefined;
}

/**
 * What every engine's runner does alike: checks and their messages, room, marks, the loop over chunks and layers with
 * cancel and progress, logits for observers, the selection. What is computed is the body's.
 */
export class DecoderRunner implements Runner {
  readonly variant: Variant;
  readonly plan: readonly LayerPlan[];
  readonly #decoder: Decoder;
  readonly #body: DecoderBody;
  #length = 0;
  /** Tokens that caches and selections have room for. */
  #room = 0;
  /** Tokens that `reserve` was asked to make room for; no limit before its first call. */
  #reserved = Infinity;
  /** Tokens in context when `mark` was called. */
  #marked: number | undefined;
  #state: State = "ready";

  constructor(decoder: Decoder, body: DecoderBody) {
    this.variant = decoder.variant;
    this.plan = decoder.plan;
    this.#decoder = decoder;
    this.#body = body;
  }

  get length(): number {
    return this.#length;
  }

  async prefill(tokens: Uint32Array, options: RunOptions = {}): Promise<Float32Array> {
    if (tokens.length === 0) {
      throw new UserError("The prompt is empty. Give at least one token.");
    }
    this.#assertReady();
    this.reset();
    return this.#run(tokens, options, options.observer);
  }

  async decode(token: number, options: RunOptions = {}): Promise<Float32Array> {
    requireNoSwap(this.#decoder.swap);
    this.#assertReady();
    if (this.#length === 0) throw new Error("decode needs a context: prefill the runner first");
    // Checked before the conversion below, which would wrap -1 and 2.5 to tokens that exist or not by chance.
    if (!Number.isInteger(token) || token < 0) throw this.#outside(token);
    return this.#run(Uint32Array.of(token), options);
  }

  async reserve(tokens: number): Promise<void> {
    this.#assertReady();
    await this.#makeRoom(tokens);
    const most = Math.max(tokens, this.#length);
    this.#reserved = this.#reserved === Infinity ? most : Math.max(most, this.#reserved);
  }

  async mark(): Promise<void> {
    this.#assertReady();
    for (const cache of this.#body.caches) await cache.mark();
    this.#marked = this.#length;
  }

  rewind(): Promise<void> {
    const marked = this.#marked;
    if (this.#state !== "ready") return Promise.reject(new Error(WHY_NOT[this.#state]));
    if (marked === undefined) return Promise.reject(new Error("there is no mark to go back to"));
    for (const cache of this.#body.caches) cache.rewind();
    this.#body.selections.rewind(marked);
    this.#length = marked;
    return Promise.resolve();
  }

  kvBytes(): number[] {
    return this.#body.caches.map(({ bytes }) => bytes);
  }

  async selection(): Promise<Selection | undefined> {
    if (!this.plan.some(({ scores }) => scores)) return undefined;
    return { oracles: await this.#body.selections.read(this.#length) };
  }

  reset(): void {
    if (this.#state === "running" || this.#state === "disposed") throw new Error(WHY_NOT[this.#state]);
    this.#forget();
    this.#state = "ready";
  }

  dispose(): Promise<void> {
    const before = this.#state;
    this.#state = "disposed";
    // A run still uses everything: it ends at the next layer, and frees then.
    if (before === "ready" || before === "spent") this.#free();
    return Promise.resolve();
  }

  #free(): void {
    this.#forget();
    this.#body.free();
  }

  #forget(): void {
    this.#length = 0;
    this.#room = 0;
    this.#reserved = Infinity;
    this.#marked = undefined;
    for (const cache of this.#body.caches) cache.clear();
    this.#body.selections.clear();
    this.#body.roomChanged?.(0);
  }

  async #makeRoom(tokens: number): Promise<void> {
    if (tokens <= this.#room) return;
    const { caches, selections } = this.#body;
    for (const cache of caches) await cache.reserve(tokens, this.#length);
    await selections.reserve(tokens, this.#length);
    this.#room = tokens;
    this.#body.roomChanged?.(tokens);
  }

  /** Appends `tokens` in chunks; returns the logits after the last one, and tells `listener` of all. */
  async #run(tokens: Uint32Array, options: RunOptions, listener?: RunObserver): Promise<Float32Array> {
    const { vocabulary, chunk: most } = this.#decoder;
    const outside = tokens.find((token) => token >= vocabulary);
    if (outside !== undefined) throw this.#outside(outside);
    const begin = this.#length;
    const total = begin + tokens.length;
    this.#requireRoom(total);

    this.#state = "running";
    const run = this.#begun({ start: begin, rows: tokens.length }, options);
    const body = this.#body;
    let done = 0;
    try {
      await body.begin?.(run);
      await this.#makeRoom(total);
      for (let from = 0; from < tokens.length; from += most) {
        const part = tokens.subarray(from, from + most);
        const chunk = { start: begin + from, rows: part.length };
        await body.embed(part, chunk, run);
        for (let layer = 0; layer < this.plan.length; layer++) {
          await body.pause?.();
          if (body.apart && done > 0) await options.beforeLayer?.(done);
          run.check();
          await body.layer(layer, chunk, run);
          done++;
        }
        if (listener?.onLogits !== undefined) await this.#tellLogits(chunk, run, listener);
        this.#length = chunk.start + chunk.rows;
      }
      const logits = await body.lastLogits();
      await body.finish?.();
      run.check();
      this.#state = "ready";
      return logits;
    } catch (error) {
      throw body.failed === undefined ? error : await body.failed(error);
    } finally {
      // Set to "ready" above when all went well; a disposed runner stays disposed.
      if (this.#is("running")) this.#state = "spent";
      if (this.#is("disposed")) this.#free();
    }
  }

  #begun(extent: Chunk, options: RunOptions): Run {
    const total = this.plan.length * Math.ceil(extent.rows / this.#decoder.chunk);
    let done = 0;
    return {
      ...extent,
      options,
      advance: (layers) => options.observer?.onProgress?.((done += layers), total),
      check: () => {
        options.signal?.throwIfAborted();
        if (!this.#is("running")) throw new Error("the runner was disposed while it ran");
      },
    };
  }

  /** Tells `listener` of the logits after every position of a chunk, in pieces. */
  async #tellLogits({ start, rows }: Chunk, run: Run, listener: RunObserver): Promise<void> {
    const step = logitRows(this.#decoder.vocabulary);
    for (let from = 0; from < rows; from += step) {
      await this.#body.pause?.();
      run.check();
      listener.onLogits?.(start + from, await this.#body.logitsOf(from, Math.min(step, rows - from)));
    }
  }

  #requireRoom(tokens: number): void {
    const { mostTokens } = this.#body;
    if (tokens > mostTokens) {
      throw new UserError(`${tokens} tokens are more than the ${mostTokens} positions that RoPE is prepared for.`);
    }
    if (tokens > this.#reserved) {
      throw new UserError(
        `Room was reserved for ${this.#reserved} tokens, not ${tokens}. Reserve more before the run.`,
      );
    }
  }

  #outside(token: number): UserError {
    const { vocabulary } = this.#decoder;
    return new UserError(
      `Token ${token} is outside the vocabulary of ${vocabulary}. Was the text encoded with this model's tokenizer?`,
    );
  }

  #assertReady(): void {
    if (this.#state !== "ready") throw new Error(WHY_NOT[this.#state]);
  }

  /** Compares the state as it is now: the compiler cannot know that awaits change it. */
  #is(state: State): boolean {
    return this.#state === state;
  }
}
