import { halfToFloat32 } from "../../model/float16.ts";
import type { Model } from "../../model/model.ts";
import type { Chunk, DecoderBody, Run } from "../decoder/body.ts";
import { mixerOf } from "../decoder/mixers.ts";
import { chooses, emitsScores, type LayerRole } from "../decoder/roles.ts";
import type { RunObserver, SelectionSwap } from "../engine.ts";
import type { CudaBlock } from "./block.ts";
import { CudaKvCache } from "./kv-cache.ts";
import { keyPlace, type LayerStep } from "./layer-step.ts";
import { MIXERS } from "./mixers.ts";
import type { CudaOps } from "./ops.ts";
import { CudaSelections } from "./selections.ts";
import { nextTurn, type CudaSession } from "./session.ts";
import { projectedWidth, workspaceSizes } from "./sizes.ts";
import { StageClock } from "./stage-clock.ts";
import type { CudaWeights } from "./weights.ts";

const WORD = 4;
const HALF = 2;

/** What the runners of one model share on the device. */
export interface CudaParts {
  readonly session: CudaSession;
  readonly weights: CudaWeights;
  readonly ops: CudaOps;
  /** RoPE's, f64 [d / 2]. */
  readonly frequencies: bigint;
}

/** A model on an NVIDIA card: a layer's kernels are launched while the one before it still runs. */
export class CudaDecoder implements DecoderBody {
  readonly caches: readonly CudaKvCache[];
  readonly selections: CudaSelections;
  readonly mostTokens: number;
  readonly #model: Model;
  readonly #roles: readonly LayerRole[];
  /** Queries of a chunk at most. */
  readonly #chunk: number;
  readonly #parts: CudaParts;
  readonly #release: () => void;
  readonly #clock: StageClock;
  /** The events after the last two layers, taken in turns, and what tells that the layer before this one is done. */
  readonly #marks: readonly [bigint, bigint];
  #pending: { readonly event: bigint; readonly run: Run } | undefined;
  #rows = 0;

  /**
   * @param swap one that swapRefusal allows
   * @param mostTokens that positions are counted for
   * @param release called once, when the decoder gives its share of the session back
   */
  constructor(
    model: Model,
    roles: readonly LayerRole[],
    swap: SelectionSwap | undefined,
    chunk: number,
    mostTokens: number,
    parts: CudaParts,
    release: () => void,
  ) {
    const { kvHeads, headDim } = model.architecture;
    const { session } = parts;
    this.#model = model;
    this.#roles = roles;
    this.#chunk = chunk;
    this.#parts = parts;
    this.#release = release;
    this.mostTokens = mostTokens;
    this.caches = roles.map(({ keeps }, layer) => new CudaKvCache(session, layer, kvHeads, headDim, keeps));
    this.selections = new CudaSelections(session, roles, model.architecture, swap);
    this.#clock = new StageClock(session.context);
    this.#marks = [session.context.createEvent(), session.context.createEvent()];
  }

  /** Every buffer of the run but its caches, before anything is launched. */
  begin({ start, rows, options: { observer } }: Run): void {
    const { session, ops } = this.#parts;
    session.context.assertSound();
    const asked = observer?.onScores !== undefined;
    const most = Math.min(rows, this.#chunk);
    session.workspace.ensure(workspaceSizes(ops, this.#roles, most, start + rows, asked));
    this.#clock.open(observer);
    this.#pending = undefined;
  }

  /** A decoded token is launched in one go. */
  pause(): Promise<void> {
    return this.#rows === 1 ? Promise.resolve() : nextTurn();
  }

  embed(tokens: Uint32Array, { rows }: Chunk): void {
    const { ops, weights, session } = this.#parts;
    this.#rows = rows;
    session.context.upload(this.#at("tokens"), tokens);
    ops.embedding(this.#at("tokens"), weights.dense.embedding, this.#at("x"), rows);
  }

  /** A prompt's layers are waited for one behind, so that a cancel comes through; a decoded token's are not. */
  async layer(index: number, chunk: Chunk, run: Run): Promise<void> {
    const { context } = this.#parts.session;
    const { observer } = run.options;
    const last = index === this.#roles.length - 1;
    this.selections.choose(index, chunk);
    const step = this.#step(index, chunk, observer);
    this.#launch(step);
    if (last) this.#clock.end();
    const event = this.#marks[index % 2]!;
    context.record(event);
    if (chunk.rows > 1) {
      await this.#settle();
      this.#pending = { event, run };
    } else {
      run.advance(1);
    }
    if (observer !== undefined) this.#show(step, observer);
    if (last) await this.#settle();
  }

  logitsOf(from: number, count: number): Float32Array {
    const { workspace } = this.#parts.session;
    const { hidden, vocabulary } = this.#parts.ops.shape;
    workspace.ensure({ pieceNormed: count * hidden * WORD, pieceLogits: count * vocabulary * WORD });
    return this.#logits(from, count, this.#at("pieceNormed"), this.#at("pieceLogits"));
  }

  lastLogits(): Float32Array {
    return this.#logits(this.#rows - 1, 1, this.#at("lastNormed"), this.#at("logits"));
  }

  finish(): Promise<void> {
    this.#parts.session.context.finish();
    this.#clock.tell();
    return Promise.resolve();
  }

  failed(error: unknown): Promise<unknown> {
    this.#clock.abandon();
    this.#pending = undefined;
    return Promise.resolve(error);
  }

  free(): void {
    this.#clock.free();
    for (const event of this.#marks) this.#parts.session.context.destroyEvent(event);
    this.#release();
  }

  /** Waits for the layer before the one that was just launched. */
  async #settle(): Promise<void> {
    const pending = this.#pending;
    if (pending === undefined) return;
    this.#pending = undefined;
    while (!this.#parts.session.context.passed(pending.event)) await nextTurn();
    pending.run.advance(1);
  }

  #step(layer: number, chunk: Chunk, observer: RunObserver | undefined): LayerStep {
    const role = this.#roles[layer]!;
    const { weights, ops } = this.#parts;
    const { through } = role;
    return {
      ...chunk,
      layer,
      role,
      ops,
      weights: weights.layer(this.#model.weights.layer(layer)),
      cache: this.caches[layer]!,
      at: (name) => this.#at(name),
      begin: (stage) => this.#clock.begin(layer, stage),
      scores: emitsScores(role, observer?.onScores !== undefined),
      choice: chooses(role) ? this.selections.into(layer, chunk) : undefined,
      reads:
        through === undefined || role.silent
          ? undefined
          : {
              cache: this.caches[role.restricted ? layer : through]!,
              blocks: this.selections.readThrough(through, chunk),
            },
    };
  }

  /** Hidden states come in the workspace's `x` and leave in it. */
  #launch(step: LayerStep): void {
    const { rows, start, role, weights, ops, at, begin } = step;
    const { hidden, intermediate, Hq, d } = ops.shape;
    const stride = projectedWidth(ops, role.gated);
    begin("project");
    ops.norm(at("x"), weights.inputNorm, at("normed"), rows);
    ops.linear(at("normed"), weights.projection, at("projected"), { rows, inputs: hidden, outputs: stride });
    const place = keyPlace(step);
    const { firstRow } = place;
    ops.split(at("projected"), this.#parts.frequencies, at("q"), place, { rows, start, stride, firstRow });
    mixerOf(MIXERS, role.mixer)(step);
    begin("output");
    if (role.gated) {
      ops.fuse(at("attendedSparse"), at("attendedWindow"), at("projected"), at("attended"), rows, stride);
    }
    const attended = ops.operand(at("attended"), at("operand"), rows, Hq * d);
    ops.linear(attended, weights.output, at("y"), { rows, inputs: Hq * d, outputs: hidden }, at("x"));
    begin("mlp");
    ops.norm(at("y"), weights.postNorm, at("normed"), rows);
    ops.linear(at("normed"), weights.gateUp, at("gateUp"), { rows, inputs: hidden, outputs: 2 * intermediate });
    ops.swiglu(at("gateUp"), at("inner"), rows);
    ops.linear(at("inner"), weights.down, at("x"), { rows, inputs: intermediate, outputs: hidden }, at("y"));
  }

  /** Gives the observer what it asked to see of a layer, before another overwrites it. */
  #show(step: LayerStep, observer: RunObserver): void {
    const { layer, start, rows, scores } = step;
    const { hidden, Hq, Hkv, d, B } = this.#parts.ops.shape;
    const floats = (name: string, count: number): Float32Array =>
      this.#parts.session.context.download(this.#at(name), new Float32Array(count));
    if (observer.onProjected !== undefined) {
      const { k, v } = keyPlace(step);
      observer.onProjected(layer, start, floats("q", rows * Hq * d), this.#ownRows(step, k), this.#ownRows(step, v));
    }
    if (observer.onScores !== undefined && scores) {
      const blocks = Math.ceil((start + rows) / B);
      observer.onScores(layer, start, rows, blocks, floats("scores", rows * Hkv * blocks));
    }
    if (observer.onLayerOutput !== undefined) observer.onLayerOutput(layer, start, floats("x", rows * hidden));
  }

  /** The step's new keys or values [rows, Hkv, d], as 16 bits hold them, from where those of its layer lie. */
  #ownRows(step: LayerStep, address: bigint): Float32Array {
    const { Hkv, d } = this.#parts.ops.shape;
    const { rows: room, firstRow } = keyPlace(step);
    const byPosition = new Float32Array(step.rows * Hkv * d);
    const halves = new Uint16Array(step.rows * d);
    for (let head = 0; head < Hkv; head++) {
      this.#parts.session.context.download(address + BigInt((head * room + firstRow) * d * HALF), halves);
      const ofHead = halfToFloat32(halves);
      for (let row = 0; row < step.rows; row++) {
        byPosition.set(ofHead.subarray(row * d, (row + 1) * d), (row * Hkv + head) * d);
      }
    }
    return byPosition;
  }

  /** Final norm and head of rows from .. of the chunk's hidden states: [count, vocabulary]. */
  #logits(from: number, count: number, normed: CudaBlock, logits: CudaBlock): Float32Array {
    const { ops, weights, session } = this.#parts;
    const { hidden, vocabulary } = ops.shape;
    const x = this.#at("x").address + BigInt(from * hidden * WORD);
    ops.norm(x, weights.dense.finalNorm, normed, count);
    ops.linear(normed, weights.dense.head, logits, { rows: count, inputs: hidden, outputs: vocabulary });
    return session.context.download(logits, new Float32Array(count * vocabulary));
  }

  #at(name: string): CudaBlock {
    return this.#parts.session.workspace.get(name);
  }
}
