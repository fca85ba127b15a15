import { performance } from "node:perf_hooks";
import { setImmediate as yieldToEvents } from "node:timers/promises";
import { embedding } from "../../../kernels/embedding/reference.ts";
import { linear } from "../../../kernels/linear/reference.ts";
import { rmsnorm } from "../../../kernels/rmsnorm/reference.ts";
import { fedBy, oracleOf, schedule, selectedBlocks } from "../../model/architecture.ts";
import { UserError } from "../../model/errors.ts";
import type { Model } from "../../model/model.ts";
import type { LayerKind, Runner, RunObserver, RunOptions, SelectionSwap, Variant } from "../engine.ts";
import { logitRows } from "../logit-pieces.ts";
import { OracleSelection, type Selection } from "../selection.ts";
import { chosenInstead, requireNoSwap, restriction } from "../swap.ts";
import type { AttentionPart, AttentionStep, Chunk, KvType, OracleDuties, Timed } from "./attention.ts";
import { FullCache, WindowCache } from "./caches.ts";
import { layerKinds } from "../kinds.ts";
import { runLayer } from "./layer.ts";
import { recordSelection } from "./record-selection.ts";

/** `spent`: a call failed half way, so the caches hold part of a chunk. */
type State = "ready" | "running" | "spent" | "disposed";

/** A layer's cache under its kind. */
type Layer =
  | { readonly kind: "full"; readonly cache: FullCache }
  | { readonly kind: "sparse"; readonly cache: WindowCache }
  | { readonly kind: "window"; readonly cache: WindowCache };

/** Options of `load`, complete. */
export interface RunnerOptions {
  readonly chunk: number;
  readonly swap: SelectionSwap | undefined;
  readonly kvType: KvType | undefined;
}

/** A model run in float64 by the reference kernels, chunk by chunk and layer by layer. */
export class ReferenceRunner implements Runner {
  readonly variant: Variant;
  readonly kinds: readonly LayerKind[];
  readonly #model: Model;
  readonly #chunk: number;
  readonly #kvType: KvType | undefined;
  readonly #swap: SelectionSwap | undefined;
  #layers: Layer[] = [];
  /** By layer: the record of each oracle that feeds a sparse layer. */
  #records = new Map<number, OracleSelection>();
  #length = 0;
  /** Tokens that `reserve` made room for; no limit before its first call. */
  #reserved = Infinity;
  /** Tokens in context when `mark` was called. */
  #marked: number | undefined;
  #state: State = "ready";

  constructor(model: Model, variant: Variant, { chunk, swap, kvType }: RunnerOptions) {
    this.#kvType = kvType;
    this.#swap = swap;
    this.variant = variant;
    this.kinds = layerKinds(model.architecture, variant);
    this.#model = model;
    this.#chunk = chunk;
    this.reset();
  }

  get length(): number {
    return this.#length;
  }

  /**
   * A context already held is forgotten first.
   * @throws UserError also when room was reserved before, for fewer tokens
   */
  async prefill(tokens: Uint32Array, options: RunOptions = {}): Promise<Float32Array> {
    if (tokens.length === 0)
      throw new UserError("The prompt is empty: there is nothing to run. Give at least one token.");
    if (this.#length > 0 && this.#state === "ready") this.reset();
    return this.#run(tokens, options, options.observer);
  }

  /** @throws UserError when the token is outside the vocabulary, or a reservation was made and is used up */
  async decode(token: number, options: RunOptions = {}): Promise<Float32Array> {
    requireNoSwap(this.#swap);
    if (this.#length === 0) throw new Error("decode needs a context: prefill the runner first");
    const { vocabulary } = this.#model.architecture;
    // Checked before the conversion below, which would wrap -1 and 2.5 to tokens that exist or not by chance.
    if (!Number.isInteger(token) || token < 0) throw outsideVocabulary(token, vocabulary);
    return this.#run(Uint32Array.of(token), options);
  }

  reserve(tokens: number): Promise<void> {
    this.#reserved = this.#reserved === Infinity ? Math.max(tokens, this.#length) : Math.max(tokens, this.#reserved);
    this.#makeRoom(tokens);
    return Promise.resolve();
  }

  mark(): Promise<void> {
    for (const { cache } of this.#layers) cache.mark();
    this.#marked = this.#length;
    return Promise.resolve();
  }

  rewind(): Promise<void> {
    const marked = this.#marked;
    if (this.#state !== "ready") return Promise.reject(new Error(`the runner is ${this.#state}`));
    if (marked === undefined) return Promise.reject(new Error("there is no mark to go back to"));
    for (const { cache } of this.#layers) cache.rewind();
    for (const record of this.#records.values()) record.length = marked;
    this.#length = marked;
    return Promise.resolve();
  }

  kvBytes(): number[] {
    return this.#layers.map(({ cache }) => cache.bytes);
  }

  selection(): Promise<Selection | undefined> {
    return Promise.resolve(this.variant === "hysparse" ? { oracles: [...this.#records.values()] } : undefined);
  }

  reset(): void {
    if (this.#state === "running" || this.#state === "disposed") throw new Error(`the runner is ${this.#state}`);
    const { architecture: a } = this.#model;
    this.#layers = this.kinds.map((kind) =>
      kind === "full"
        ? { kind, cache: new FullCache(a.kvHeads, a.headDim) }
        : { kind, cache: new WindowCache(a.kvHeads, a.headDim, a.window) },
    );
    const scheduled = schedule(a);
    const oracles =
      this.variant === "hysparse" ? scheduled.flatMap((_, l) => (fedBy(scheduled, l).length > 0 ? [l] : [])) : [];
    this.#records = new Map(
      oracles.map((l) => [l, new OracleSelection(l, a.kvHeads, selectedBlocks(a), 0, a.block)] as const),
    );
    this.#length = 0;
    this.#marked = undefined;
    this.#reserved = Infinity;
    this.#state = "ready";
  }

  dispose(): Promise<void> {
    this.#state = "disposed";
    this.#layers = [];
    this.#records.clear();
    return Promise.resolve();
  }

  #makeRoom(tokens: number): void {
    for (const { cache } of this.#layers) cache.reserve(tokens);
    for (const record of this.#records.values()) record.reserve(tokens, this.#model.architecture.block);
  }

  /** Appends `tokens` in chunks; returns the logits after the last one, and tells `listener` of all. */
  async #run(
    tokens: Uint32Array,
    { signal, observer = {} }: RunOptions,
    listener?: RunObserver,
  ): Promise<Float32Array> {
    const { vocabulary } = this.#model.architecture;
    const outside = tokens.find((token) => token >= vocabulary);
    if (outside !== undefined) throw outsideVocabulary(outside, vocabulary);
    const total = this.#length + tokens.length;
    if (total > this.#reserved) {
      throw new UserError(`Room was reserved for ${this.#reserved} tokens, not ${total}. Reserve more before the run.`);
    }
    if (this.#state !== "ready")
      throw new Error(`the runner is ${this.#state}: it must be reset before it is used again`);

    this.#state = "running";
    try {
      this.#makeRoom(total);
      const chunks = Math.ceil(tokens.length / this.#chunk);
      let hidden: Float64Array = new Float64Array();
      for (let c = 0; c < chunks; c++) {
        const part = tokens.subarray(c * this.#chunk, (c + 1) * this.#chunk);
        const chunk = { start: this.#length + c * this.#chunk, rows: part.length };
        const progress = (layersDone: number): void =>
          observer.onProgress?.(c * this.kinds.length + layersDone, chunks * this.kinds.length);
        hidden = await this.#runChunk(part, chunk, observer, signal, progress);
        if (listener?.onLogits !== undefined) await this.#tellLogits(hidden, chunk, listener, signal);
      }
      const logits = this.#logits(hidden.subarray(-this.#model.architecture.hidden));
      this.#length = total;
      this.#state = "ready";
      return logits;
    } finally {
      // Set to "ready" above when all went well; a disposed runner stays disposed.
      if (this.#is("running")) this.#state = "spent";
    }
  }

  /** One chunk through every layer; returns its hidden states [C, E]. */
  async #runChunk(
    tokens: Uint32Array,
    chunk: Chunk,
    observer: RunObserver,
    signal: AbortSignal | undefined,
    progress: (layersDone: number) => void,
  ): Promise<Float64Array> {
    const { architecture, weights } = this.#model;
    const reads = new Map<number, Int32Array>();
    let hidden = embedding({ tokens, table: weights.embedding, width: architecture.hidden });
    for (let layer = 0; layer < this.kinds.length; layer++) {
      await this.#pause(signal);
      hidden = runLayer(
        {
          ...{ architecture, weights: weights.layer(layer), chunk, hidden, timed: stageClock(layer, observer) },
          ...{ kvType: this.#kvType, onProjected: projectionsTeller(layer, chunk, observer) },
        },
        this.#part(layer, chunk, reads, observer),
      );
      observer.onLayerOutput?.(layer, chunk.start, Float32Array.from(hidden));
      progress(layer + 1);
    }
    return hidden;
  }

  /**
   * What `layer` needs besides its weights: its cache, and what passes from oracles to the layers after them in `reads`:
   * by oracle, the blocks that this chunk's queries read.
   */
  #part(index: number, chunk: Chunk, reads: Map<number, Int32Array>, observer: RunObserver): AttentionPart {
    const { architecture } = this.#model;
    const swap = this.#swap;
    const layer = this.#layers[index]!;
    if (layer.kind === "window") return { kind: "window", cache: layer.cache };
    if (layer.kind === "sparse") {
      if (swap?.kind === "silent") return { kind: "sparse", cache: layer.cache, oracle: undefined };
      const oracle = oracleOf(schedule(architecture), index);
      const { cache } = this.#layers[oracle] as { cache: FullCache };
      return { kind: "sparse", cache: layer.cache, oracle: { cache, blocks: reads.get(oracle)! } };
    }
    const restricted = restriction(swap, architecture);
    if (restricted?.layer === index) {
      return { kind: "restricted", cache: layer.cache, blocks: reads.get(restricted.oracle)! };
    }
    const record = this.#records.get(index);
    const wanted = this.variant === "hysparse" && (record !== undefined || observer.onScores !== undefined);
    if (!wanted) return { kind: "full", cache: layer.cache };
    const duties: OracleDuties = {
      feeds: record !== undefined,
      deliver: ({ groupScores }, selected) => {
        const blocks = groupScores.length / (chunk.rows * architecture.kvHeads);
        observer.onScores?.(index, chunk.start, chunk.rows, blocks, Float32Array.from(groupScores));
        if (record === undefined || selected === undefined) return;
        recordSelection(record, chunk, selected);
        const instead = swap?.kind === "blocks" ? chosenInstead(swap.choose, index, chunk, architecture) : undefined;
        reads.set(index, instead ?? selected.blocks);
      },
    };
    return { kind: "full", cache: layer.cache, oracle: duties };
  }

  /** Tells `listener` of the logits after every position of a chunk with the hidden states [C, E]. */
  async #tellLogits(
    hidden: Float64Array,
    { start, rows }: Chunk,
    listener: RunObserver,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { hidden: width, vocabulary } = this.#model.architecture;
    const step = logitRows(vocabulary);
    for (let from = 0; from < rows; from += step) {
      await this.#pause(signal);
      listener.onLogits?.(start + from, this.#logits(hidden.subarray(from * width, (from + step) * width)));
    }
  }

  /** The loops hold the thread: an abort or a dispose can only arrive here. */
  async #pause(signal: AbortSignal | undefined): Promise<void> {
    await yieldToEvents();
    signal?.throwIfAborted();
    if (!this.#is("running")) throw new Error("the runner was disposed while it ran");
  }

  /** Final norm and head of hidden states [rows, E]: logits [rows, V]. */
  #logits(hidden: Float64Array): Float32Array {
    const { architecture: a, weights } = this.#model;
    const x = rmsnorm({ x: hidden, weight: weights.finalNorm, eps: a.normEps });
    return Float32Array.from(linear({ x, weight: weights.head, inputs: a.hidden }));
  }

  /** Compares the state as it is now: the compiler cannot know that awaits change it. */
  #is(state: State): boolean {
    return this.#state === state;
  }
}

function outsideVocabulary(token: number, vocabulary: number): UserError {
  return new UserError(
    `Token ${token} is outside the vocabulary of ${vocabulary}. Was the text encoded with this model's tokenizer?`,
  );
}

/** Hands a layer's projections to an observer that wants them, as 32-bit floats. */
function projectionsTeller(layer: number, { start }: Chunk, observer: RunObserver): AttentionStep["onProjected"] {
  if (observer.onProjected === undefined) return undefined;
  return (queries, keys) => observer.onProjected?.(layer, start, Float32Array.from(queries), Float32Array.from(keys));
}

/** Measures each stage with the monotonic clock; without an observer of stages it only runs them. */
function stageClock(layer: number, observer: RunObserver): Timed {
  if (observer.onStage === undefined) return (_, work) => work();
  return (stage, work) => {
    const began = performance.now();
    const result = work();
    observer.onStage?.(layer, stage, performance.now() - began);
    return result;
  };
}
