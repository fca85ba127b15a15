import { fedBy, oracleOf, schedule } from "../../model/architecture.ts";
import { UserError } from "../../model/errors.ts";
import type { Model } from "../../model/model.ts";
import type { LayerKind, RunObserver, RunOptions, Runner, Variant } from "../engine.ts";
import { layerKinds } from "../kinds.ts";
import { OracleSelection, type Selection } from "../selection.ts";
import type { GpuBlock } from "./allocator.ts";
import { Flight } from "./flight.ts";
import { GpuKvCache } from "./kv-cache.ts";
import { LayerRecorder, type SelectionBlocks } from "./layer-recorder.ts";
import { activationSizes, scratchSizes, type Needs, type Ops } from "./ops.ts";
import { download, readBlock } from "./readback.ts";
import type { GpuSession } from "./session.ts";
import { StageLedger } from "./stage-ledger.ts";
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
  readonly #release: () => void;
  readonly #positions: number;
  #capacity = 0;
  #length = 0;
  #state: "ready" | "running" | "spent" | "disposed" = "ready";

  /** @param release called once, when the runner gives its share of the session back */
  constructor(
    session: GpuSession,
    model: Model,
    weights: GpuWeights,
    ops: Ops,
    rope: RopeBlocks,
    variant: Variant,
    chunk: number,
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
  }

  get length(): number {
    return this.#length;
  }

  async prefill(tokens: Uint32Array, options: RunOptions = {}): Promise<Float32Array> {
    if (tokens.length === 0) throw new UserError("there is nothing to prefill: the document has no tokens");
    if (this.#state === "ready") this.reset();
    return this.#run(tokens, options);
  }

  async decode(token: number, options: RunOptions = {}): Promise<Float32Array> {
    return this.#run(Uint32Array.of(token), options);
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

  /** Appends `tokens` in chunks; returns the logits after the last one. */
  async #run(tokens: Uint32Array, options: RunOptions): Promise<Float32Array> {
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
        this.#length = begin + from + part.length;
      }
      const logits = await this.#logits();
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
    ];
    if (grown.includes(true)) recorder.forgetGroups();
    await recorder.reserve((this.kinds.length + 1) * DISPATCHES);
  }

  #needs(observer: RunObserver | undefined): Needs {
    return {
      scores: this.#feeding.size > 0 || (this.variant === "hysparse" && observer?.onScores !== undefined),
      sparse: this.kinds.includes("sparse"),
      window: this.kinds.some((kind) => kind !== "full"),
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
    const watched = observer?.onLayerOutput !== undefined || observer?.onScores !== undefined;
    const last = this.kinds.length - 1;
    let group = 0;
    for (const [layer, kind] of this.kinds.entries()) {
      signal?.throwIfAborted();
      const scored = this.#record(layer, kind, rows, start, observer);
      group++;
      if (layer < last && !watched && group < flight.layersPerSubmit) continue;
      recorder.submit((encoder) => {
        if (layer === last) this.#finishChunk(encoder, rows);
      });
      const told = (progress.done += group);
      flight.submitted(group, () => observer?.onProgress?.(told, progress.total));
      group = 0;
      if (watched) await this.#show(layer, start, rows, scored, observer);
      await flight.throttle();
    }
    this.#ledger.close();
  }

  /** Whether the layer emits scores that somebody asked to see. */
  #record(layer: number, kind: LayerKind, rows: number, start: number, observer: RunObserver | undefined): boolean {
    const oracle = this.#oracles[layer] ?? 0;
    const watched = this.variant === "hysparse" && kind === "full" && observer?.onScores !== undefined;
    this.#layers.record({
      layer,
      kind,
      rows,
      start,
      weights: this.#weights.layer(this.#model.weights.layer(layer)),
      cache: this.#cache(layer),
      scores: this.#feeding.has(layer) || watched,
      selection: this.#selections.get(kind === "sparse" ? oracle : layer),
      oracle: kind === "sparse" ? this.#cache(oracle) : undefined,
    });
    return watched;
  }

  /** The chunk's last hidden state is kept for the head; its times are resolved. */
  #finishChunk(encoder: GPUCommandEncoder, rows: number): void {
    const { workspace } = this.#session;
    const bytes = this.#ops.shape.hidden * WORD;
    encoder.copyBufferToBuffer(workspace.get("x").buffer, (rows - 1) * bytes, workspace.get("last").buffer, 0, bytes);
    this.#ledger.resolve(encoder);
  }

  /** Gives the observer what it asked to see of a layer. */
  async #show(
    layer: number,
    start: number,
    rows: number,
    scored: boolean,
    observer: RunObserver | undefined,
  ): Promise<void> {
    const { device, allocator, workspace } = this.#session;
    const { hidden, Hkv, B } = this.#ops.shape;
    if (scored) {
      const blocks = Math.ceil((start + rows) / B);
      const bytes = rows * Hkv * blocks * WORD;
      const scores = new Float32Array(await download(device, allocator, workspace.get("scores"), 0, bytes));
      observer?.onScores?.(layer, start, rows, blocks, scores);
    }
    if (observer?.onLayerOutput === undefined) return;
    const output = await download(device, allocator, workspace.get("x"), 0, rows * hidden * WORD);
    observer.onLayerOutput(layer, start, new Float32Array(output));
  }

  /** Final norm and head of the last position: the only values that come back to the host. */
  async #logits(): Promise<Float32Array> {
    const { recorder, workspace, device } = this.#session;
    const { finalNorm, head } = this.#weights.dense;
    const bytes = this.#ops.shape.vocabulary * WORD;
    const into = workspace.get("logitsOut");
    recorder.pass();
    recorder.add(this.#ops.norm.op.dispatches({ rows: 1 }), (name) =>
      name === "weight" ? finalNorm : workspace.get(name === "x" ? "last" : "lastNormed"),
    );
    recorder.add(this.#ops.head.op.dispatches({ rows: 1 }), (name) => {
      if (name === "weight") return head;
      return workspace.get(name === "x" ? "lastNormed" : name === "y" ? "logits" : `${this.#ops.head.id}.${name}`);
    });
    recorder.submit((encoder) => encoder.copyBufferToBuffer(workspace.get("logits").buffer, 0, into.buffer, 0, bytes));
    return new Float32Array(await readBlock(device, into, bytes));
  }

  #cache(layer: number): GpuKvCache {
    const cache = this.#caches[layer];
    if (cache === undefined) throw new Error(`layer ${layer} has no cache`);
    return cache;
  }
}
