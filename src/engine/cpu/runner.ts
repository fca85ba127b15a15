import { fedBy, oracleOf, schedule } from "../../model/architecture.ts";
import { UserError } from "../../model/errors.ts";
import type { Model } from "../../model/model.ts";
import type { LayerKind, RunOptions, Runner, SelectionSwap, Variant } from "../engine.ts";
import { layerKinds } from "../kinds.ts";
import { OracleSelection, type Selection } from "../selection.ts";
import { shapeOf, type Shape } from "../shape.ts";
import { requireNoSwap } from "../swap.ts";
import { Attention } from "./attention.ts";
import { Buffers } from "./buffers.ts";
import { Dense, type Projected } from "./dense.ts";
import type { FullPaths } from "./full-paths.ts";
import type { BlockList } from "./kernels/call.ts";
import type { KernelPool } from "./kernels/pool.ts";
import { KvCache } from "./kv-cache.ts";
import { RopeTables } from "./rope-tables.ts";
import type { Sessions } from "./session.ts";
import { StageClock } from "./stage-clock.ts";
import { SwappedReads } from "./swapped-reads.ts";
import { tellLogits, tellProjected } from "./tell.ts";

/** A model under one variant: attention on our own kernels, everything else on onnxruntime's CPU provider. */
export class CpuRunner implements Runner {
  readonly variant: Variant;
  readonly kinds: readonly LayerKind[];
  readonly #model: Model;
  readonly #s: Shape;
  readonly #chunk: number;
  readonly #buffers = new Buffers();
  readonly #attention: Attention;
  readonly #dense: Dense;
  readonly #caches: readonly KvCache[];
  /** By layer, the full layer whose cache and selection it reads. */
  readonly #oracles: readonly number[];
  readonly #rope: RopeTables;
  /** By layer, for oracles that feed a sparse layer. */
  readonly #selections = new Map<number, OracleSelection>();
  readonly #swap: SelectionSwap | undefined;
  readonly #reads: SwappedReads;
  #length = 0;
  /** Tokens in context when `mark` was called. */
  #marked: number | undefined;

  constructor(
    model: Model,
    variant: Variant,
    sessions: Sessions,
    kernels: KernelPool,
    fullPaths: FullPaths,
    chunk: number,
    swap?: SelectionSwap,
  ) {
    const a = model.architecture;
    this.variant = variant;
    this.kinds = layerKinds(a, variant);
    this.#model = model;
    this.#s = shapeOf(a);
    this.#chunk = chunk;
    this.#swap = swap;
    this.#reads = new SwappedReads(swap, a);
    this.#attention = new Attention(this.#s, kernels, fullPaths, this.#buffers);
    this.#caches = this.kinds.map(
      (kind) => new KvCache(kernels, a.kvHeads, a.headDim, kind === "full" ? Infinity : a.window),
    );
    const kinds = schedule(a);
    this.#oracles = kinds.map((_, layer) => oracleOf(kinds, layer));
    this.#rope = new RopeTables(a.headDim, a.ropeBase);
    this.#dense = new Dense(model, this.#s, sessions, this.#buffers, this.#rope);
  }

  get length(): number {
    return this.#length;
  }

  async prefill(tokens: Uint32Array, options: RunOptions = {}): Promise<Float32Array> {
    if (tokens.length === 0) throw new UserError("there is nothing to prefill: the document has no tokens");
    this.reset();
    return this.#run(tokens, options, (x, start) => tellLogits(options, x, start, this.#dense, this.#s, this.#buffers));
  }

  async decode(token: number, options: RunOptions = {}): Promise<Float32Array> {
    requireNoSwap(this.#swap);
    return this.#run(Uint32Array.of(token), options);
  }

  reserve(tokens: number): Promise<void> {
    this.#reserve(tokens);
    return Promise.resolve();
  }

  #reserve(tokens: number): void {
    for (const cache of this.#caches) cache.reserve(tokens, this.#length);
    this.#rope.reserve(tokens);
    const { B } = this.#s;
    for (const selection of this.#selections.values()) selection.reserve(tokens, B);
  }

  mark(): Promise<void> {
    for (const cache of this.#caches) cache.mark();
    this.#marked = this.#length;
    return Promise.resolve();
  }

  rewind(): Promise<void> {
    const marked = this.#marked;
    if (marked === undefined) return Promise.reject(new Error("there is no mark to go back to"));
    for (const cache of this.#caches) cache.rewind();
    for (const selection of this.#selections.values()) selection.length = marked;
    this.#length = marked;
    return Promise.resolve();
  }

  kvBytes(): number[] {
    return this.#caches.map((cache) => cache.bytes);
  }

  selection(): Promise<Selection | undefined> {
    return Promise.resolve(this.variant === "hysparse" ? { oracles: [...this.#selections.values()] } : undefined);
  }

  reset(): void {
    this.#length = 0;
    this.#marked = undefined;
    for (const cache of this.#caches) cache.clear();
    this.#selections.clear();
    if (this.variant !== "hysparse") return;
    const a = this.#model.architecture;
    const kinds = schedule(a);
    kinds.forEach((kind, layer) => {
      if (kind === "full" && fedBy(kinds, layer).length > 0) {
        this.#selections.set(layer, new OracleSelection(layer, a.kvHeads, this.#s.slots, 0, a.block));
      }
    });
  }

  dispose(): Promise<void> {
    this.reset();
    this.#buffers.clear();
    this.#dense.clear();
    return Promise.resolve();
  }

  /** `afterChunk` is given the last layer's output for positions start .., before another chunk takes its place. */
  async #run(
    tokens: Uint32Array,
    options: RunOptions,
    afterChunk?: (x: Float32Array, start: number) => Promise<void>,
  ): Promise<Float32Array> {
    const { vocabulary, hidden } = this.#s;
    const stranger = tokens.find((token) => token >= vocabulary);
    if (stranger !== undefined) {
      throw new UserError(`token ${stranger} is outside the model's vocabulary of ${vocabulary}`);
    }
    const begin = this.#length;
    this.#reserve(begin + tokens.length);
    const clock = new StageClock(options);
    const layers = this.kinds.length;
    const chunks = Math.ceil(tokens.length / this.#chunk);
    let done = 0;
    let x: Float32Array = new Float32Array(0);
    for (let from = 0; from < tokens.length; from += this.#chunk) {
      const part = tokens.subarray(from, from + this.#chunk);
      x = this.#dense.embed(part);
      const chosen = new Map<number, BlockList>();
      for (let layer = 0; layer < layers; layer++) {
        x = await this.#layer(layer, x, begin + from, part.length, chosen, clock, options);
        options.observer?.onLayerOutput?.(layer, begin + from, x);
        options.observer?.onProgress?.(++done, layers * chunks);
      }
      await afterChunk?.(x, begin + from);
      this.#length = begin + from + part.length;
    }
    options.signal?.throwIfAborted();
    return this.#dense.logits(x.subarray(x.length - hidden), new Float32Array(vocabulary));
  }

  async #layer(
    layer: number,
    x: Float32Array,
    start: number,
    count: number,
    chosen: Map<number, BlockList>,
    clock: StageClock,
    options: RunOptions,
  ): Promise<Float32Array> {
    const { Hkv, G, d } = this.#s;
    const weights = this.#model.weights.layer(layer);
    const cache = this.#cache(layer);
    const kind = this.kinds[layer];
    const size = Hkv * count * G * d;
    const projected = await clock.time(layer, "project", async () => {
      const result = await this.#dense.project(layer, x, start, count, weights, kind === "sparse");
      // A ring is filled after attention: the chunk's first queries still need what it overwrites.
      if (kind === "full") cache.append(result.k, result.v, start, count);
      return result;
    });
    tellProjected(options, projected, this.#s, this.#buffers);

    const o = this.#buffers.get("o", size);
    if (kind === "full") {
      const { restricted } = this.#reads;
      const oracle = restricted?.layer === layer ? restricted.oracle : undefined;
      if (oracle === undefined) {
        await this.#attendFull(projected, o, chosen, clock, options);
      } else {
        const branch = { sinks: this.#reads.noSinks, out: o };
        await this.#attention.sparse(projected, cache, this.#chosen(chosen, oracle), branch, clock);
      }
    } else {
      const { sparse } = weights;
      if (sparse === undefined) throw new Error(`layer ${layer} has no sparse weights`);
      const { k, v, gs, gw } = projected;
      const add = kind === "sparse" && !this.#reads.silent;
      if (add) {
        const oracle = this.#oracles[layer] ?? 0;
        const branch = { sinks: sparse.sparseSinks, gate: gs, out: o };
        await this.#attention.sparse(projected, this.#cache(oracle), this.#chosen(chosen, oracle), branch, clock);
      }
      const branch = { sinks: sparse.windowSinks, add, out: o, ...(kind === "sparse" ? { gate: gw } : {}) };
      await this.#attention.window(projected, cache, { k, v }, branch, clock);
      await clock.time(layer, "project", () => cache.append(k, v, start, count));
    }

    const y = await clock.time(layer, "output", () => this.#dense.output(x, o, count, weights));
    return clock.time(layer, "mlp", () => this.#dense.mlp(y, count, weights));
  }

  async #attendFull(
    projected: Projected,
    out: Float32Array,
    chosen: Map<number, BlockList>,
    clock: StageClock,
    options: RunOptions,
  ): Promise<void> {
    const { layer, start, count } = projected;
    const into = this.#selections.get(layer);
    const onScores = this.variant === "hysparse" ? options.observer?.onScores?.bind(options.observer) : undefined;
    const scored = into !== undefined || onScores !== undefined ? { into, onScores } : undefined;
    await this.#attention.full(projected, this.#cache(layer), out, clock, scored);
    if (into === undefined) return;
    into.length = start + count;
    if (this.#reads.silent) return;
    const { kvHeads, slots } = into;
    const own = into.blocks.subarray(start * kvHeads * slots, (start + count) * kvHeads * slots);
    const instead = await clock.time(layer, "select", () => this.#reads.insteadOf(layer, start, count));
    chosen.set(layer, instead ?? own);
  }

  #chosen(chosen: ReadonlyMap<number, BlockList>, oracle: number): BlockList {
    const list = chosen.get(oracle);
    if (list === undefined) throw new Error(`layer ${oracle} has selected no blocks`);
    return list;
  }

  #cache(layer: number): KvCache {
    const cache = this.#caches[layer];
    if (cache === undefined) throw new Error(`layer ${layer} has no cache`);
    return cache;
  }
}
