import { fedBy, oracleOf, schedule } from "../../model/architecture.ts";
import { UserError } from "../../model/errors.ts";
import type { Model } from "../../model/model.ts";
import type { LayerKind, RunObserver, RunOptions, Runner, SelectionSwap, Variant } from "../engine.ts";
import { layerKinds } from "../kinds.ts";
import { OracleSelection, type Selection } from "../selection.ts";
import { requireNoSwap } from "../swap.ts";
import type { GpuBlock } from "./allocator.ts";
import { Flight } from "./flight.ts";
import { GpuKvCache } from "./kv-cache.ts";
import { LayerRecorder, type BlockRows, type LayerStep, type SelectionBlocks } from "./layer-recorder.ts";
import { LogitsHead } from "./logits.ts";
import { activationSizes, scratchSizes, type Extent, type Needs, type Ops } from "./ops.ts";
import { download } from "./readback.ts";
import type { GpuSession } from "./session.ts";
import { showLayer, watchesLayers } from "./show-layer.ts";
import { StageLedger } from "./stage-ledger.ts";
import { SwappedReads } from "./swapped-reads.ts";
import type { GpuWeights } from "./weights.ts";

const WORD = 4;
/** Stages of a layer at most: project twice, score, select, sparse, window, output, mlp. */
const SPANS = 8;
/** Dispatches of a layer at most, with room to spare. */
const DISPATCHES = 32;

/** RoPE's tables on the device (see ropeTables), and how many positions they serve. */
export interface RopeBlocks {
  readonly coarse: GpuBlock;
  readonly fine: GpuBlock;
  readonly positions: number;
}

/** A model under one variant on a GPU. */
export class GpuRunner implements Runner {
  readonly variant: Variant;
  readonly kinds: readonly LayerKind[];
  readonly #session: GpuSession;
  readonly #model: Model;
  readonly #weights: GpuWeights;
  readonly #ops: Ops;
  readonly #chunk: number;
  readonly #caches: readonly GpuKvCache[];
  /** By layer, the full layer whose cache and blocks it reads. */
  readonly #oracles: readonly number[];
  /** Full layers that feed a sparse one. */
  readonly #feeding: ReadonlySet<number>;
  readonly #selections = new Map<number, SelectionBlocks>();
  readonly #ledger: StageLedger;
  readonly #flight: Flight;
  readonly #layers: LayerRecorder;
  readonly #head: LogitsHead;
  readonly #swap: SelectionSwap | undefined;
  readonly #swapped: SwappedReads | undefined;
  readonly #release: () => void;
  readonly #positions: number;
  #capacity = 0;
  #length = 0;
  /** Tokens in context when `mark` was called. */
  #marked: number | undefined;
  #state: "ready" | "running" | "spent" | "disposed" = "ready";

  /**
   * @param swap one that swapRefusal allows
   * @param release called once, when the runner gives its share of the session back
   */
  constructor(
    session: GpuSession,
    model: Model,
    weights: GpuWeights,
    ops: Ops,
    rope: RopeBlocks,
    variant: Variant,
    chunk: number,
    swap: SelectionSwap | undefined,
    release: () => void,
  ) {
    const a = model.architecture;
    const kinds = schedule(a);
    this.variant = variant;
    this.kinds = layerKinds(a, variant);
    this.#session = session;
    this.#model = model;
    this.#weights = weights;
    this.#ops = ops;
    this.#chunk = chunk;
    this.#release = release;
    this.#oracles = kinds.map((_, layer) => oracleOf(kinds, layer));
    this.#feeding = new Set(
      variant === "hysparse"
        ? kinds.flatMap((kind, l) => (kind === "full" && fedBy(kinds, l).length > 0 ? [l] : []))
        : [],
    );
    const { device, allocator, recorder, workspace } = session;
    this.#caches = this.kinds.map(
      (kind, layer) =>
        new GpuKvCache(device, allocator, layer, a.kvHeads, a.headDim, kind === "full" ? Infinity : a.window),
    );
    this.#flight = new Flight(device);
    this.#ledger = new StageLedger(device, allocator, this.kinds.length * SPANS);
    this.#positions = rope.positions;
    const { coarse, fine } = rope;
    this.#layers = new LayerRecorder(ops, recorder, workspace, this.#ledger, { coarse, fine });
    this.#head = new LogitsHead(session, ops, weights);
    this.#swap = swap;
    this.#swapped = swap === undefined ? undefined : new SwappedReads(session, a, swap, this.#feeding);
  }

  get length(): number {
    return this.#length;
  }

  async prefill(tokens: Uint32Array, options: RunOptions = {}): Promise<Float32Array> {
    if (tokens.length === 0) throw new UserError("there is nothing to prefill: the document has no tokens");
    if (this.#state === "ready") this.reset();
    return this.#run(tokens, options, options.observer?.onLogits !== undefined);
  }

  async decode(token: number, options: RunOptions = {}): Promise<Float32Array> {
    requireNoSwap(this.#swap);
    return this.#run(Uint32Array.of(token), options, false);
  }

  async reserve(tokens: number): Promise<void> {
    if (tokens <= this.#capacity) return;
    const { device, allocator, recorder } = this.#session;
    let replaced = false;
    for (const cache of this.#caches) replaced = (await cache.reserve(tokens, this.#length)) || replaced;
    const { Hkv, slots } = this.#ops.shape;
    const bytes = tokens * Hkv * slots * WORD;
    for (const layer of this.#feeding) {
      const old = this.#selections.get(layer);
      const blocks = await allocator.allocate("selection", bytes, layer);
      const selected = await allocator.allocate("selection", bytes, layer);
      if (old !== undefined && this.#length > 0) {
        const encoder = device.gpu.createCommandEncoder();
        const used = this.#length * Hkv * slots * WORD;
        encoder.copyBufferToBuffer(old.blocks.buffer, 0, blocks.buffer, 0, used);
        encoder.copyBufferToBuffer(old.selected.buffer, 0, selected.buffer, 0, used);
        device.gpu.queue.submit([encoder.finish()]);
      }
      this.#freeSelection(old);
      this.#selections.set(layer, { blocks, selected });
      replaced = true;
    }
    this.#capacity = tokens;
    if (replaced) recorder.forgetGroups();
  }

  async mark(): Promise<void> {
    for (const cache of this.#caches) await cache.mark();
    this.#marked = this.#length;
  }

  rewind(): Promise<void> {
    const marked = this.#marked;
    if (this.#state !== "ready") return Promise.reject(new Error(`the runner is ${this.#state}`));
    if (marked === undefined) return Promise.reject(new Error("there is no mark to go back to"));
    for (const cache of this.#caches) cache.rewind();
    this.#length = marked;
    return Promise.resolve();
  }

  kvBytes(): number[] {
    return this.#caches.map(({ bytes }) => bytes);
  }

  async selection(): Promise<Selection | undefined> {
    if (this.variant !== "hysparse") return undefined;
    const { device, allocator } = this.#session;
    const { Hkv, slots, B } = this.#ops.shape;
    const oracles: OracleSelection[] = [];
    for (const layer of this.#feeding) {
      const oracle = new OracleSelection(layer, Hkv, slots, this.#length, B);
      oracle.length = this.#length;
      const held = this.#selections.get(layer);
      const bytes = this.#length * Hkv * slots * WORD;
      if (held !== undefined && bytes > 0) {
        const blocks = new Uint32Array(await download(device, allocator, held.blocks, 0, bytes));
        // A 16-bit array keeps the low half of "no block", which is its own mark for it.
        oracle.blocks.set(blocks);
        oracle.scores.set(new Float32Array(await download(device, allocator, held.selected, 0, bytes)));
      }
      oracles.push(oracle);
    }
    return { oracles };
  }

  reset(): void {
    if (this.#state === "running") throw new Error("the runner is running");
    if (this.#state === "disposed") throw new Error("the runner is disposed");
    this.#length = 0;
    this.#marked = undefined;
    this.#capacity = 0;
    for (const cache of this.#caches) cache.clear();
    for (const selection of this.#selections.values()) this.#freeSelection(selection);
    this.#selections.clear();
    this.#session.recorder.forgetGroups();
    this.#state = "ready";
  }

  dispose(): Promise<void> {
    if (this.#state === "disposed") return Promise.resolve();
    if (this.#state !== "running") this.reset();
    this.#state = "disposed";
    this.#ledger.dispose();
    this.#release();
    return Promise.resolve();
  }

  #freeSelection(selection: SelectionBlocks | undefined): void {
    if (selection === undefined) return;
    this.#session.allocator.free(selection.blocks);
    this.#session.allocator.free(selection.selected);
  }

  /** Appends `tokens` in chunks; returns the logits after the last one, and tells those of all where asked to. */
  async #run(tokens: Uint32Array, options: RunOptions, tellLogits: boolean): Promise<Float32Array> {
    const { vocabulary } = this.#ops.shape;
    const stranger = tokens.find((token) => token >= vocabulary);
    if (stranger !== undefined) {
      throw new UserError(`token ${stranger} is outside the model's vocabulary of ${vocabulary}`);
    }
    if (this.#state !== "ready")
      throw new Error(`the runner is ${this.#state}: it must be reset before it is used again`);
    options.signal?.throwIfAborted();
    this.#state = "running";
    const { device } = this.#session;
    const flight = this.#flight;
    try {
      device.assertSound();
      await this.#prepare(tokens.length, options.observer);
      flight.begin(tokens.length === 1 ? "decode" : "prefill");
      const layers = this.kinds.length;
      const chunks = Math.ceil(tokens.length / this.#chunk);
      const begin = this.#length;
      const progress = { done: 0, total: layers * chunks };
      for (let from = 0; from < tokens.length; from += this.#chunk) {
        const part = tokens.subarray(from, from + this.#chunk);
        await this.#runChunk(part, begin + from, flight, progress, options);
        if (tellLogits) await this.#head.tellAll(begin + from, part.length, options);
        this.#length = begin + from + part.length;
      }
      const logits = await this.#head.ofLast();
      await flight.land();
      await this.#ledger.settle();
      options.signal?.throwIfAborted();
      this.#state = "ready";
      return logits;
    } catch (error) {
      this.#state = "spent";
      this.#session.recorder.discard();
      this.#ledger.abandon();
      // What was submitted still uses the buffers that the caller is about to free.
      await flight.land().catch(() => undefined);
      throw device.fault(error);
    }
  }

  /** Every buffer of the run, before anything is recorded. */
  async #prepare(count: number, observer: RunObserver | undefined): Promise<void> {
    const { workspace, recorder } = this.#session;
    const tokens = this.#length + count;
    if (tokens > this.#positions) {
      throw new UserError(`${tokens} tokens are more than the ${this.#positions} positions that RoPE is prepared for`);
    }
    await this.reserve(tokens);
    const rows = Math.min(count, this.#chunk);
    const needs = this.#needs(observer);
    const grown = [
      await workspace.ensure("activations", activationSizes(this.#ops, rows, tokens, needs)),
      await workspace.ensure("scratch", scratchSizes(this.#ops, rows, tokens, needs)),
      await workspace.ensure("readback", { logitsOut: this.#ops.shape.vocabulary * WORD }),
      this.#swapped !== undefined && (await this.#swapped.ensure(rows)),
    ];
    if (grown.includes(true)) recorder.forgetGroups();
    await recorder.reserve((this.kinds.length + 1) * DISPATCHES);
  }

  #needs(observer: RunObserver | undefined): Needs {
    return {
      scores: this.#feeding.size > 0 || (this.variant === "hysparse" && observer?.onScores !== undefined),
      sparse: this.kinds.includes("sparse"),
      window: this.kinds.some((kind) => kind !== "full"),
      restricted: this.#swapped?.restricted !== undefined,
    };
  }

  async #runChunk(
    tokens: Uint32Array,
    start: number,
    flight: Flight,
    progress: { done: number; readonly total: number },
    { signal, observer }: RunOptions,
  ): Promise<void> {
    const { recorder, workspace, device } = this.#session;
    const rows = tokens.length;
    await this.#ledger.open(observer);
    device.gpu.queue.writeBuffer(workspace.get("tokens").buffer, 0, new Uint32Array(tokens));
    recorder.pass();
    recorder.add(this.#ops.embedding.op.dispatches({ rows }), (name) =>
      name === "table" ? this.#weights.dense.embedding : workspace.get(name),
    );
    const watched = watchesLayers(observer);
    const last = this.kinds.length - 1;
    let group = 0;
    for (const [layer, kind] of this.kinds.entries()) {
      signal?.throwIfAborted();
      const step = this.#step(layer, kind, { rows, start }, observer);
      this.#swapped?.choose(layer, step);
      this.#layers.record(step);
      group++;
      if (layer < last && !watched && group < flight.layersPerSubmit) continue;
      recorder.submit((encoder) => {
        if (layer === last) this.#finishChunk(encoder, rows);
      });
      const told = (progress.done += group);
      flight.submitted(group, () => observer?.onProgress?.(told, progress.total));
      group = 0;
      if (watched) await showLayer(this.#session, this.#ops.shape, step, observer);
      await flight.throttle();
    }
    this.#ledger.close();
  }

  #step(layer: number, kind: LayerKind, { rows, start }: Extent, observer: RunObserver | undefined): LayerStep {
    const oracle = this.#oracles[layer] ?? 0;
    const weights = this.#weights.layer(this.#model.weights.layer(layer));
    const restriction = this.#swapped?.restricted?.layer === layer ? this.#swapped.restricted : undefined;
    const watched = this.variant === "hysparse" && kind === "full" && observer?.onScores !== undefined;
    return {
      layer,
      kind,
      rows,
      start,
      weights,
      cache: this.#cache(layer),
      scores: restriction === undefined && (this.#feeding.has(layer) || watched),
      selection: this.#selections.get(layer),
      reads: this.#reads(restriction?.oracle ?? oracle, start),
      oracle: kind === "sparse" ? this.#cache(oracle) : undefined,
      blockSinks: this.#swapped?.sinksOf(layer) ?? weights.sparseSinks,
      restricted: restriction !== undefined,
    };
  }

  /** The blocks that whoever depends on an oracle reads of a chunk; undefined where it chooses none. */
  #reads(oracle: number, start: number): BlockRows | undefined {
    const learned = this.#selections.get(oracle);
    return this.#swapped?.insteadOf(oracle) ?? (learned && { blocks: learned.blocks, firstRow: start });
  }

  /** The chunk's last hidden state is kept for the head; its times are resolved. */
  #finishChunk(encoder: GPUCommandEncoder, rows: number): void {
    const { workspace } = this.#session;
    const bytes = this.#ops.shape.hidden * WORD;
    encoder.copyBufferToBuffer(workspace.get("x").buffer, (rows - 1) * bytes, workspace.get("last").buffer, 0, bytes);
    this.#ledger.resolve(encoder);
  }

  #cache(layer: number): GpuKvCache {
    const cache = this.#caches[layer];
    if (cache === undefined) throw new Error(`layer ${layer} has no cache`);
    return cache;
  }
}
