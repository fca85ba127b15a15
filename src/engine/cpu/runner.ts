import { fedBy, oracleOf, schedule } from "../../model/architecture.ts";
import { UserError } from "../../model/errors.ts";
import type { LayerWeights, Model } from "../../model/model.ts";
import type { LayerKind, RunOptions, Runner, Variant } from "../engine.ts";
import { layerKinds } from "../kinds.ts";
import { OracleSelection, type Selection } from "../selection.ts";
import { Attention, type Chunk } from "./attention.ts";
import { Buffers } from "./buffers.ts";
import type { DispatchPlan } from "./dispatch-plan.ts";
import { headGraph, mlpGraph, outputGraph, projectGraph } from "./graphs/dense.ts";
import { KvCache } from "./kv-cache.ts";
import { RopeTables } from "./rope-tables.ts";
import { floats, int64s, type Sessions, type Tensor } from "./session.ts";
import { shapeOf, type Shape } from "../shape.ts";
import { StageClock } from "./stage-clock.ts";

/** One layer's projections for a chunk: q [Hkv, C, G d], k and v [Hkv, C, d], gates [C, gates]. */
interface Projected extends Chunk {
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly gs: Float32Array;
  readonly gw: Float32Array;
}

/** A model under one variant on onnxruntime's CPU provider. */
export class CpuRunner implements Runner {
  readonly variant: Variant;
  readonly kinds: readonly LayerKind[];
  readonly #model: Model;
  readonly #s: Shape;
  readonly #chunk: number;
  readonly #sessions: Sessions;
  readonly #buffers = new Buffers();
  readonly #attention: Attention;
  readonly #caches: readonly KvCache[];
  /** By layer, the full layer whose cache and plan it reads. */
  readonly #oracles: readonly number[];
  readonly #rope: RopeTables;
  /** By layer, for oracles that feed a sparse layer. */
  readonly #selections = new Map<number, OracleSelection>();
  readonly #tensors = new Map<Float32Array, Tensor>();
  #length = 0;

  constructor(model: Model, variant: Variant, sessions: Sessions, chunk: number) {
    const a = model.architecture;
    this.variant = variant;
    this.kinds = layerKinds(a, variant);
    this.#model = model;
    this.#s = shapeOf(a);
    this.#chunk = chunk;
    this.#sessions = sessions;
    this.#attention = new Attention(this.#s, sessions, this.#buffers);
    this.#caches = this.kinds.map((kind) => new KvCache(a.kvHeads, a.headDim, kind === "full" ? Infinity : a.window));
    const kinds = schedule(a);
    this.#oracles = kinds.map((_, layer) => oracleOf(kinds, layer));
    this.#rope = new RopeTables(a.headDim, a.ropeBase);
  }

  get length(): number {
    return this.#length;
  }

  async prefill(tokens: Uint32Array, options: RunOptions = {}): Promise<Float32Array> {
    if (tokens.length === 0) throw new UserError("there is nothing to prefill: the document has no tokens");
    this.reset();
    return this.#run(tokens, options);
  }

  async decode(token: number, options: RunOptions = {}): Promise<Float32Array> {
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

  kvBytes(): number[] {
    return this.#caches.map((cache) => cache.bytes);
  }

  selection(): Promise<Selection | undefined> {
    return Promise.resolve(this.variant === "hysparse" ? { oracles: [...this.#selections.values()] } : undefined);
  }

  reset(): void {
    this.#length = 0;
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
    this.#tensors.clear();
    return Promise.resolve();
  }

  async #run(tokens: Uint32Array, options: RunOptions): Promise<Float32Array> {
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
      x = this.#embed(part);
      const plans = new Map<number, DispatchPlan[]>();
      for (let layer = 0; layer < layers; layer++) {
        x = await this.#layer(layer, x, begin + from, part.length, plans, clock, options);
        options.observer?.onLayerOutput?.(layer, begin + from, x);
        options.observer?.onProgress?.(++done, layers * chunks);
      }
      this.#length = begin + from + part.length;
    }
    options.signal?.throwIfAborted();
    return this.#logits(x.subarray(x.length - hidden));
  }

  async #layer(
    layer: number,
    x: Float32Array,
    start: number,
    count: number,
    plans: Map<number, DispatchPlan[]>,
    clock: StageClock,
    options: RunOptions,
  ): Promise<Float32Array> {
    const { Hkv, G, d } = this.#s;
    const weights = this.#model.weights.layer(layer);
    const cache = this.#cache(layer);
    const kind = this.kinds[layer];
    const size = Hkv * count * G * d;
    const projected = await clock.time(layer, "project", async () => {
      const result = await this.#project(layer, x, start, count, weights, kind === "sparse");
      // A ring is filled after attention: the chunk's first queries still need what it overwrites.
      if (kind === "full") cache.append(result.k, result.v, start, count);
      return result;
    });

    const attended: Record<string, Float32Array> = {};
    if (kind === "full") {
      attended["o"] = this.#buffers.get("o", size);
      await this.#attendFull(projected, attended["o"], plans, clock, options);
    } else {
      if (weights.sparse === undefined) throw new Error(`layer ${layer} has no sparse weights`);
      if (kind === "sparse") {
        const oracle = this.#oracles[layer] ?? 0;
        attended["os"] = this.#buffers.get("os", size);
        await this.#attention.sparse(
          projected,
          this.#cache(oracle),
          plans.get(oracle) ?? [],
          weights.sparse,
          attended["os"],
          clock,
        );
      }
      const window = this.#buffers.get("ow", size);
      const { k, v } = projected;
      await this.#attention.window(projected, cache, k, v, weights.sparse.windowSinks, window, clock);
      await clock.time(layer, "project", () => cache.append(k, v, start, count));
      attended[kind === "sparse" ? "ow" : "o"] = window;
    }

    const y = await clock.time(layer, "output", () => this.#output(x, projected, attended, weights, kind === "sparse"));
    return clock.time(layer, "mlp", () => this.#mlp(y, count, weights));
  }

  async #attendFull(
    projected: Projected,
    out: Float32Array,
    plans: Map<number, DispatchPlan[]>,
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
    plans.set(layer, await clock.time(layer, "select", () => this.#attention.plan(into, start, count)));
  }

  async #project(
    layer: number,
    x: Float32Array,
    start: number,
    count: number,
    weights: LayerWeights,
    gated: boolean,
  ): Promise<Projected> {
    const { hidden, Hq, Hkv, G, d, gates } = this.#s;
    const q = this.#buffers.get("q", Hkv * count * G * d);
    const k = this.#buffers.get("k", Hkv * count * d);
    const v = this.#buffers.get("v", Hkv * count * d);
    const gs = this.#buffers.get("gs", count * gates);
    const gw = this.#buffers.get("gw", count * gates);
    const session = await this.#sessions.get(gated ? "project gated" : "project", () => projectGraph(this.#s, gated));
    const sparse = gated ? weights.sparse : undefined;
    await session.run(
      {
        x: floats(x, [count, hidden]),
        norm: this.#weight(weights.inputNorm, [hidden]),
        wq: this.#weight(weights.q, [Hq * d, hidden]),
        wk: this.#weight(weights.k, [Hkv * d, hidden]),
        wv: this.#weight(weights.v, [Hkv * d, hidden]),
        cos: floats(this.#rope.cos, [this.#rope.positions, d / 2]),
        sin: floats(this.#rope.sin, [this.#rope.positions, d / 2]),
        position: int64s([start]),
        ...(sparse === undefined
          ? {}
          : {
              sparseGate: this.#weight(sparse.sparseGate, [gates, hidden]),
              windowGate: this.#weight(sparse.windowGate, [gates, hidden]),
            }),
      },
      {
        q: floats(q, [Hkv, count, G * d]),
        k: floats(k, [Hkv, count, d]),
        v: floats(v, [Hkv, count, d]),
        ...(gated ? { gs: floats(gs, [count, gates]), gw: floats(gw, [count, gates]) } : {}),
      },
    );
    return { layer, start, count, q, k, v, gs, gw };
  }

  async #output(
    x: Float32Array,
    projected: Projected,
    attended: Readonly<Record<string, Float32Array>>,
    weights: LayerWeights,
    gated: boolean,
  ): Promise<Float32Array> {
    const { hidden, Hq, Hkv, G, d, gates } = this.#s;
    const { count, gs, gw } = projected;
    const y = this.#buffers.get("y", count * hidden);
    const session = await this.#sessions.get(gated ? "output gated" : "output", () => outputGraph(this.#s, gated));
    const branches = Object.entries(attended).map(([name, rows]) => [name, floats(rows, [Hkv, count, G * d])] as const);
    await session.run(
      {
        x: floats(x, [count, hidden]),
        wo: this.#weight(weights.o, [hidden, Hq * d]),
        ...Object.fromEntries(branches),
        ...(gated ? { gs: floats(gs, [count, gates]), gw: floats(gw, [count, gates]) } : {}),
      },
      { y: floats(y, [count, hidden]) },
    );
    return y;
  }

  async #mlp(x: Float32Array, count: number, weights: LayerWeights): Promise<Float32Array> {
    const { hidden, intermediate } = this.#s;
    const y = this.#buffers.get("x", count * hidden);
    const session = await this.#sessions.get("mlp", () => mlpGraph(this.#s));
    await session.run(
      {
        x: floats(x, [count, hidden]),
        norm: this.#weight(weights.postNorm, [hidden]),
        gate: this.#weight(weights.gate, [intermediate, hidden]),
        up: this.#weight(weights.up, [intermediate, hidden]),
        down: this.#weight(weights.down, [hidden, intermediate]),
      },
      { y: floats(y, [count, hidden]) },
    );
    return y;
  }

  async #logits(x: Float32Array): Promise<Float32Array> {
    const { hidden, vocabulary } = this.#s;
    const { finalNorm, head } = this.#model.weights;
    const logits = new Float32Array(vocabulary);
    const session = await this.#sessions.get("head", () => headGraph(this.#s));
    await session.run(
      {
        x: floats(x, [1, hidden]),
        norm: this.#weight(finalNorm, [hidden]),
        head: this.#weight(head, [vocabulary, hidden]),
      },
      { logits: floats(logits, [1, vocabulary]) },
    );
    return logits;
  }

  #embed(tokens: Uint32Array): Float32Array {
    const { hidden } = this.#s;
    const { embedding } = this.#model.weights;
    const x = this.#buffers.get("x", tokens.length * hidden);
    tokens.forEach((token, row) => x.set(embedding.subarray(token * hidden, (token + 1) * hidden), row * hidden));
    return x;
  }

  #cache(layer: number): KvCache {
    const cache = this.#caches[layer];
    if (cache === undefined) throw new Error(`layer ${layer} has no cache`);
    return cache;
  }

  /** Wraps a weight once; layers that share an array share the tensor. */
  #weight(data: Float32Array, dims: readonly number[]): Tensor {
    let tensor = this.#tensors.get(data);
    if (tensor === undefined) {
      tensor = floats(data, dims);
      this.#tensors.set(data, tensor);
    }
    return tensor;
  }
}
