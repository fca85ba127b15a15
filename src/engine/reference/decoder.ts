import { performance } from "node:perf_hooks";
import { setImmediate as yieldToEvents } from "node:timers/promises";
import { NO_BLOCK, type BlockTopkOutput } from "../../../kernels/block-topk/block-topk.ts";
import { embedding } from "../../../kernels/embedding/reference.ts";
import { linear } from "../../../kernels/linear/reference.ts";
import { rmsnorm } from "../../../kernels/rmsnorm/reference.ts";
import { ropeOf } from "../../model/decoder.ts";
import { streamsOf } from "../../designs/plan.ts";
import { decodes, type Chunk, type DecoderBody, type Run } from "../decoder/body.ts";
import { CacheSet } from "../decoder/cache-set.ts";
import { HostSelections } from "../decoder/host-selections.ts";
import { chooses, emitsScores, type LayerRole } from "../decoder/roles.ts";
import type { RunObserver, SelectionSwap } from "../engine.ts";
import type { FloatModel } from "../float-model.ts";
import { noBlockOf, type BlockList, type OracleSelection } from "../selection.ts";
import { cacheOf, FullCache, type WindowCache } from "./caches.ts";
import { runLayer } from "./layer.ts";
import type { KvType } from "./kv-type.ts";
import type { BlockReads, LayerStep, Scoring, Timed } from "./step.ts";

/** A model run in float64 by the reference kernels. */
export class ReferenceDecoder implements DecoderBody {
  readonly caches: readonly CacheSet[];
  readonly #streams: readonly (readonly (FullCache | WindowCache)[])[];
  readonly selections: HostSelections;
  readonly mostTokens = Infinity;
  readonly apart = true;
  readonly #model: FloatModel;
  readonly #roles: readonly LayerRole[];
  readonly #kvType: KvType | undefined;
  /** Hidden states of the chunk that passes through, [C, E]. */
  #hidden: Float64Array = new Float64Array();

  constructor(
    model: FloatModel,
    roles: readonly LayerRole[],
    swap: SelectionSwap | undefined,
    kvType: KvType | undefined,
  ) {
    const { kvHeads, headDim } = model.architecture;
    this.#model = model;
    this.#roles = roles;
    this.#kvType = kvType;
    this.#streams = roles.map((role) => streamsOf(role).map((stream) => cacheOf(kvHeads, headDim, stream, kvType)));
    this.caches = this.#streams.map((streams) => new CacheSet(streams));
    this.selections = new HostSelections(roles, model.architecture, swap);
  }

  /** The loops hold the thread: an abort or a dispose can only arrive here. */
  pause(): Promise<void> {
    return yieldToEvents();
  }

  embed(tokens: Uint32Array): void {
    const { architecture, weights } = this.#model;
    this.#hidden = embedding({ tokens, table: weights.embedding, width: architecture.hidden });
  }

  layer(index: number, chunk: Chunk, run: Run): void {
    const { observer = {} } = run.options;
    const { architecture, weights } = this.#model;
    const role = this.#roles[index]!;
    const [cache, ...more] = this.#streams[index]!;
    this.#hidden = runLayer({
      architecture,
      role,
      turn: ropeOf(architecture, index),
      weights: weights.layer(index),
      cache: cache!,
      more,
      chunk,
      decoding: decodes(run),
      hidden: this.#hidden,
      timed: stageClock(index, observer),
      reads: this.#reads(index, role, chunk),
      scoring: this.#scoring(index, role, chunk, observer),
      kvType: this.#kvType,
      onProjected: projectionsTeller(index, chunk, observer),
    });
    observer.onLayerOutput?.(index, chunk.start, Float32Array.from(this.#hidden));
    run.advance(1);
  }

  logitsOf(from: number, count: number): Float32Array {
    const { hidden } = this.#model.architecture;
    return this.#logits(this.#hidden.subarray(from * hidden, (from + count) * hidden));
  }

  lastLogits(): Float32Array {
    return this.#logits(this.#hidden.subarray(-this.#model.architecture.hidden));
  }

  free(): void {
    this.#hidden = new Float64Array();
  }

  #reads(index: number, role: LayerRole, chunk: Chunk): BlockReads | undefined {
    if (role.through === undefined || role.silent) return undefined;
    const from = role.restricted ? index : role.through;
    const [cache] = this.#streams[from]!;
    if (!(cache instanceof FullCache)) throw new Error(`layer ${from} does not keep everything`);
    return { keyValues: cache.all(), blocks: asTopk(this.selections.readThrough(role.through, chunk)) };
  }

  #scoring(index: number, role: LayerRole, chunk: Chunk, observer: RunObserver): Scoring | undefined {
    if (!emitsScores(role, observer.onScores !== undefined)) return undefined;
    return {
      chooses: chooses(role),
      deliver: (scores, chosen) => {
        const blocks = scores.length / (chunk.rows * this.#model.architecture.kvHeads);
        observer.onScores?.(index, chunk.start, chunk.rows, blocks, Float32Array.from(scores));
        const record = this.selections.of(index);
        if (record === undefined || chosen === undefined) return;
        recordChoice(record, chunk, chosen);
        this.selections.chose(index, chunk);
      },
    };
  }

  /** Final norm and head of hidden states [rows, E]: logits [rows, V]. */
  #logits(hidden: Float64Array): Float32Array {
    const { architecture: a, weights } = this.#model;
    const x = rmsnorm({ x: hidden, weight: weights.finalNorm, eps: a.normEps });
    return Float32Array.from(linear({ x, weight: weights.head, inputs: a.hidden }));
  }
}

/** Writes what an oracle chose for the queries of a chunk into its record, which must have room for them. */
function recordChoice(record: OracleSelection, { start }: Chunk, chosen: BlockTopkOutput): void {
  const at = start * record.kvHeads * record.slots;
  chosen.blocks.forEach((block, i) => {
    record.blocks[at + i] = block === NO_BLOCK ? record.none : block;
    record.scores[at + i] = chosen.scores[i]!;
  });
}

/** A list as block-topk gives it. */
function asTopk(list: BlockList): Int32Array {
  const none = noBlockOf(list);
  return Int32Array.from(list, (block) => (block === none ? NO_BLOCK : block));
}

/** Hands a layer's projections to an observer that wants them, as 32-bit floats. */
function projectionsTeller(layer: number, { start }: Chunk, observer: RunObserver): LayerStep["onProjected"] {
  if (observer.onProjected === undefined) return undefined;
  return (queries, { keys, values }) =>
    observer.onProjected?.(
      layer,
      start,
      Float32Array.from(queries),
      Float32Array.from(keys),
      Float32Array.from(values),
    );
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
