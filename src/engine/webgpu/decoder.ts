import type { Model } from "../../model/model.ts";
import { decodes, type Chunk, type DecoderBody, type Run } from "../decoder/body.ts";
import { emitsScores, type LayerRole } from "../decoder/roles.ts";
import type { SelectionSwap } from "../engine.ts";
import type { GpuBlock } from "./allocator.ts";
import { GpuSelections } from "./selections.ts";
import { Flight } from "./flight.ts";
import { GpuKvCache } from "./kv-cache.ts";
import { LayerRecorder } from "./layer-recorder.ts";
import type { BlockRows, LayerStep } from "./layer-step.ts";
import { LogitsHead } from "./logits.ts";
import { activationSizes, needsOf, scratchSizes, type Ops } from "./ops.ts";
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

/** RoPE's tables on the device (see ropeTables). */
export interface RopeTablesBlocks {
  readonly coarse: GpuBlock;
  readonly fine: GpuBlock;
}

/** The tables of each layer, which most layers share, and how many positions they serve. */
export interface RopeBlocks {
  readonly layers: readonly RopeTablesBlocks[];
  readonly positions: number;
}

/** What the runners of one model share on the device. */
export interface GpuParts {
  readonly session: GpuSession;
  readonly weights: GpuWeights;
  readonly ops: Ops;
  readonly rope: RopeBlocks;
}

/** A model on a GPU: layers are recorded and submitted without a round trip between them. */
export class GpuDecoder implements DecoderBody {
  readonly caches: readonly GpuKvCache[];
  readonly selections: GpuSelections;
  readonly mostTokens: number;
  readonly #session: GpuSession;
  readonly #model: Model;
  readonly #roles: readonly LayerRole[];
  readonly #weights: GpuWeights;
  readonly #ops: Ops;
  /** Queries of a chunk at most. */
  readonly #chunk: number;
  readonly #ledger: StageLedger;
  readonly #flight: Flight;
  readonly #layers: LayerRecorder;
  readonly #head: LogitsHead;
  readonly #swapped: SwappedReads | undefined;
  readonly #release: () => void;
  /** Layers recorded since the last submission. */
  #group = 0;

  /**
   * @param swap one that swapRefusal allows
   * @param release called once, when the decoder gives its share of the session back
   */
  constructor(
    model: Model,
    roles: readonly LayerRole[],
    swap: SelectionSwap | undefined,
    chunk: number,
    { session, weights, ops, rope }: GpuParts,
    release: () => void,
  ) {
    const { kvHeads, headDim } = model.architecture;
    const { device, allocator, recorder, workspace } = session;
    const { layers, positions } = rope;
    this.#session = session;
    this.#model = model;
    this.#roles = roles;
    this.#weights = weights;
    this.#ops = ops;
    this.#chunk = chunk;
    this.#release = release;
    this.mostTokens = positions;
    this.caches = roles.map(({ keeps }, layer) => new GpuKvCache(device, allocator, layer, kvHeads, headDim, keeps));
    this.selections = new GpuSelections(session, roles, ops.shape);
    this.#flight = new Flight(device);
    this.#ledger = new StageLedger(device, allocator, roles.length * SPANS);
    this.#layers = new LayerRecorder(ops, recorder, workspace, this.#ledger, (layer) => ({ ...layers[layer]! }));
    this.#head = new LogitsHead(session, ops, weights);
    this.#swapped = swap && new SwappedReads(session, model.architecture, swap, roles);
  }

  roomChanged(): void {
    this.#session.recorder.forgetGroups();
  }

  /** Every buffer of the run but its caches, before anything is recorded. */
  async begin({ start, rows: count, options }: Run): Promise<void> {
    const { device, workspace, recorder } = this.#session;
    device.assertSound();
    const tokens = start + count;
    const rows = Math.min(count, this.#chunk);
    const needs = needsOf(this.#roles, options.observer?.onScores !== undefined);
    const grown = [
      await workspace.ensure("activations", activationSizes(this.#ops, rows, tokens, needs)),
      await workspace.ensure("scratch", scratchSizes(this.#ops, rows, tokens, needs)),
      await workspace.ensure("readback", { logitsOut: this.#ops.shape.vocabulary * WORD }),
      this.#swapped !== undefined && (await this.#swapped.ensure(rows)),
    ];
    if (grown.includes(true)) recorder.forgetGroups();
    await recorder.reserve((this.#roles.length + 1) * DISPATCHES);
    this.#flight.begin(count === 1 ? "decode" : "prefill");
  }

  async embed(tokens: Uint32Array, { rows }: Chunk, { options }: Run): Promise<void> {
    const { recorder, workspace, device } = this.#session;
    this.#group = 0;
    await this.#ledger.open(options.observer);
    device.gpu.queue.writeBuffer(workspace.get("tokens").buffer, 0, new Uint32Array(tokens));
    recorder.pass();
    recorder.add(this.#ops.embedding.op.dispatches({ rows }), (name) =>
      name === "table" ? this.#weights.dense.embedding : workspace.get(name),
    );
  }

  /** Layers that are short share a submission; one that an observer watches has its own. */
  async layer(index: number, chunk: Chunk, run: Run): Promise<void> {
    const { observer } = run.options;
    const flight = this.#flight;
    const step = this.#step(index, chunk, run);
    this.#swapped?.choose(index, chunk);
    this.#layers.record(step);
    const group = ++this.#group;
    const last = index === this.#roles.length - 1;
    const watched = watchesLayers(observer);
    if (!last && !watched && group < flight.layersPerSubmit) return;
    this.#session.recorder.submit((encoder) => {
      if (last) this.#finishChunk(encoder, chunk.rows);
    });
    this.#group = 0;
    flight.submitted(group, () => run.advance(group));
    if (watched) await showLayer(this.#session, this.#ops.shape, step, observer);
    await flight.throttle();
    if (last) this.#ledger.close();
  }

  logitsOf(from: number, count: number): Promise<Float32Array> {
    return this.#head.ofRows(from, count);
  }

  lastLogits(): Promise<Float32Array> {
    return this.#head.ofLast();
  }

  async finish(): Promise<void> {
    await this.#flight.land();
    await this.#ledger.settle();
  }

  async failed(error: unknown): Promise<unknown> {
    this.#session.recorder.discard();
    this.#ledger.abandon();
    // What was submitted still uses the buffers that the caller is about to free.
    await this.#flight.land().catch(() => undefined);
    return this.#session.device.fault(error);
  }

  free(): void {
    this.#ledger.dispose();
    this.#release();
  }

  #step(layer: number, chunk: Chunk, run: Run): LayerStep {
    const { observer } = run.options;
    const role = this.#roles[layer]!;
    const weights = this.#weights.layer(this.#model.weights.layer(layer));
    const { through = layer } = role;
    return {
      ...chunk,
      layer,
      decoding: decodes(run),
      role,
      weights,
      cache: this.caches[layer]!,
      scores: emitsScores(role, observer?.onScores !== undefined),
      selection: this.selections.of(layer),
      plans: role.feeds.some((reader) => chunk.rows > 1 || this.#roles[reader]!.restricted),
      reads: this.#reads(through, chunk),
      from: this.caches[role.restricted ? layer : through]!,
      blockSinks: this.#swapped?.sinksOf(role) ?? (role.restricted ? weights.noSinks : weights.sparseSinks),
    };
  }

  /** The blocks that whoever depends on an oracle reads of a chunk; undefined where it chooses none. */
  #reads(oracle: number, { start }: Chunk): BlockRows | undefined {
    const learned = this.selections.of(oracle);
    return this.#swapped?.insteadOf(oracle) ?? (learned && { blocks: learned.blocks, firstRow: start });
  }

  /** The chunk's last hidden state is kept for the head; its times are resolved. */
  #finishChunk(encoder: GPUCommandEncoder, rows: number): void {
    const { workspace } = this.#session;
    const bytes = this.#ops.shape.hidden * WORD;
    encoder.copyBufferToBuffer(workspace.get("x").buffer, (rows - 1) * bytes, workspace.get("last").buffer, 0, bytes);
    this.#ledger.resolve(encoder);
  }
}
