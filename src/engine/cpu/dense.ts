import { projectedNames, type ExtraTensors } from "../../designs/extra-weights.ts";
import { extraOf, extraTensors } from "../../model/extra-weights.ts";
import type { LayerWeights } from "../../model/model.ts";
import type { LayerRole } from "../decoder/roles.ts";
import type { FloatModel } from "../float-model.ts";
import type { Shape } from "../shape.ts";
import type { Buffers } from "./buffers.ts";
import type { Chunk } from "./chunk.ts";
import { compressGraph, headGraph, mlpGraph, outputGraph, projectGraph } from "./graphs/dense.ts";
import type { RopeTables } from "./rope-tables.ts";
import { floats, int64s, type Sessions, type Tensor } from "./session.ts";

/** One layer's projections for a chunk: q [Hkv, C, G d], k and v [Hkv, C, d], gates [C, gates]. */
export interface Projected extends Chunk {
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly gs: Float32Array;
  readonly gw: Float32Array;
  /** What the mixer's further tensors make, by their names: keys and values [Hkv, C, d], gates [C, Hq] after the sigmoid. */
  readonly extra: Readonly<Record<string, Float32Array>>;
}

/** A learned map of blocks, as kernels/compress-blocks has it. */
export interface BlockMap {
  readonly position: Float32Array;
  readonly inner: Float32Array;
  readonly outer: Float32Array;
}

/** Everything of a model that is not attention: embedding, projections, MLP and head. Results lie in shared buffers. */
export class Dense {
  readonly #model: FloatModel;
  readonly #s: Shape;
  readonly #sessions: Sessions;
  readonly #buffers: Buffers;
  readonly #rope: (layer: number) => RopeTables;
  readonly #tensors = new Map<Float32Array, Tensor>();

  constructor(
    model: FloatModel,
    shape: Shape,
    sessions: Sessions,
    buffers: Buffers,
    rope: (layer: number) => RopeTables,
  ) {
    this.#model = model;
    this.#s = shape;
    this.#sessions = sessions;
    this.#buffers = buffers;
    this.#rope = rope;
  }

  /** Lets go of the tensors over the model's weights. */
  clear(): void {
    this.#tensors.clear();
  }

  embed(tokens: Uint32Array): Float32Array {
    const { hidden } = this.#s;
    const { embedding } = this.#model.weights;
    const x = this.#buffers.get("x", tokens.length * hidden);
    tokens.forEach((token, row) => x.set(embedding.subarray(token * hidden, (token + 1) * hidden), row * hidden));
    return x;
  }

  async project(
    layer: number,
    x: Float32Array,
    start: number,
    count: number,
    weights: LayerWeights<Float32Array>,
    role: LayerRole,
  ): Promise<Projected> {
    const { gated } = role;
    const further = extraTensors(this.#model.architecture, role);
    const names = projectedNames(further);
    const { hidden, Hkv, G, d, gates } = this.#s;
    const q = this.#buffers.get("q", Hkv * count * G * d);
    const k = this.#buffers.get("k", Hkv * count * d);
    const v = this.#buffers.get("v", Hkv * count * d);
    const gs = this.#buffers.get("gs", count * gates);
    const gw = this.#buffers.get("gw", count * gates);
    const extra: Record<string, Float32Array> = {};
    for (const name of names) {
      const width = further[name]!.shape[0]!;
      extra[name] = this.#buffers.get(name, count * width);
    }
    const key = ["project", gated, ...names].join(" ");
    const session = await this.#sessions.get(key, () => projectGraph(this.#s, gated, further));
    const rope = this.#rope(layer);
    await session.run(
      {
        x: floats(x, [count, hidden]),
        cos: floats(rope.cos, [rope.positions, d / 2]),
        sin: floats(rope.sin, [rope.positions, d / 2]),
        position: int64s([start]),
        ...this.#projections(weights, gated, further),
      },
      {
        q: floats(q, [Hkv, count, G * d]),
        k: floats(k, [Hkv, count, d]),
        v: floats(v, [Hkv, count, d]),
        ...(gated ? { gs: floats(gs, [count, gates]), gw: floats(gw, [count, gates]) } : {}),
        ...Object.fromEntries(
          names.map((name) => {
            const dims = further[name]!.makes === "gates" ? [count, further[name]!.shape[0]!] : [Hkv, count, d];
            return [`of ${name}`, floats(extra[name]!, dims)];
          }),
        ),
      },
    );
    return { layer, start, count, q, k, v, gs, gw, extra };
  }

  /** The tensors of a layer that `projectGraph` reads. */
  #projections(weights: LayerWeights<Float32Array>, gated: boolean, further: ExtraTensors): Record<string, Tensor> {
    const { hidden, Hq, Hkv, d, gates } = this.#s;
    const { qBias, kBias, vBias, qNorm, kNorm } = weights;
    const sparse = gated ? weights.sparse : undefined;
    return {
      norm: this.#weight(weights.inputNorm, [hidden]),
      wq: this.#weight(weights.q, [Hq * d, hidden]),
      wk: this.#weight(weights.k, [Hkv * d, hidden]),
      wv: this.#weight(weights.v, [Hkv * d, hidden]),
      ...(qBias && kBias && vBias
        ? {
            bq: this.#weight(qBias, [Hq * d]),
            bk: this.#weight(kBias, [Hkv * d]),
            bv: this.#weight(vBias, [Hkv * d]),
          }
        : {}),
      ...(qNorm && kNorm ? { nq: this.#weight(qNorm, [d]), nk: this.#weight(kNorm, [d]) } : {}),
      ...(sparse === undefined
        ? {}
        : {
            sparseGate: this.#weight(sparse.sparseGate, [gates, hidden]),
            windowGate: this.#weight(sparse.windowGate, [gates, hidden]),
          }),
      ...Object.fromEntries(
        projectedNames(further).map((name) => [name, this.#weight(extraOf(weights.extra, name), further[name]!.shape)]),
      ),
    };
  }

  /** One row [d] for each of `rows` [N, block d], into `out` [N, d]. */
  async compress(rows: Float32Array, block: number, map: BlockMap, out: Float32Array): Promise<void> {
    const { d } = this.#s;
    const count = out.length / d;
    const session = await this.#sessions.get(`compress ${block}`, () => compressGraph(this.#s, block));
    await session.run(
      {
        x: floats(rows, [count, block * d]),
        position: this.#weight(map.position, [block * d]),
        inner: this.#weight(map.inner, [d, block * d]),
        outer: this.#weight(map.outer, [d, d]),
      },
      { y: floats(out, [count, d]) },
    );
  }

  /** Output projection and residual of `o` [C, Hq d]. */
  async output(
    x: Float32Array,
    o: Float32Array,
    count: number,
    weights: LayerWeights<Float32Array>,
  ): Promise<Float32Array> {
    const { hidden, Hq, d } = this.#s;
    const y = this.#buffers.get("y", count * hidden);
    const session = await this.#sessions.get("output", () => outputGraph(this.#s));
    await session.run(
      {
        x: floats(x, [count, hidden]),
        wo: this.#weight(weights.o, [hidden, Hq * d]),
        o: floats(o, [count, Hq * d]),
      },
      { y: floats(y, [count, hidden]) },
    );
    return y;
  }

  async mlp(x: Float32Array, count: number, weights: LayerWeights<Float32Array>): Promise<Float32Array> {
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

  /** Logits of the hidden states `x` [rows, hidden] into `logits` [rows, vocabulary]. */
  async logits(x: Float32Array, logits: Float32Array): Promise<Float32Array> {
    const { hidden, vocabulary } = this.#s;
    const { finalNorm, head } = this.#model.weights;
    const rows = x.length / hidden;
    const session = await this.#sessions.get("head", () => headGraph(this.#s));
    await session.run(
      {
        x: floats(x, [rows, hidden]),
        norm: this.#weight(finalNorm, [hidden]),
        head: this.#weight(head, [vocabulary, hidden]),
      },
      { logits: floats(logits, [rows, vocabulary]) },
    );
    return logits;
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
