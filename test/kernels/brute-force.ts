import { embedding } from "../../kernels/embedding/reference.ts";
import { gateFusion } from "../../kernels/gate-fusion/reference.ts";
import { roundToHalf } from "../../kernels/half.ts";
import { linear } from "../../kernels/linear/reference.ts";
import { rmsnorm } from "../../kernels/rmsnorm/reference.ts";
import { rope } from "../../kernels/rope/reference.ts";
import { swiglu } from "../../kernels/swiglu/reference.ts";
import type { FloatModel } from "../../src/engine/float-model.ts";
import { oracleOf, schedule, type Architecture } from "../../src/model/architecture.ts";
import { groupSize } from "../../src/model/decoder.ts";

/** Blocks that a query reads through a KV head, or by one of its heads. */
export type Reads = (query: number, kvHead: number, head: number) => readonly number[];

/** What a layer of the hysparse variant attends to. */
export type LayerReads =
  /** A full layer: everything up to the query, or with `within` only these blocks of it. */
  | { readonly kind: "full"; readonly within?: Reads }
  /** A sparse layer: these blocks of its oracle's keys, or no block at all. */
  | { readonly kind: "sparse"; readonly within: Reads | "nothing" };

type Sees = (query: number, kvHead: number, head: number) => (key: number) => boolean;

/** Projections of one layer for positions 0 .. T - 1, after RoPE: q [T, Hq, d], k and v [T, Hkv, d]. */
export interface Projections {
  readonly q: Float64Array;
  readonly k: Float64Array;
  readonly v: Float64Array;
}

/**
 * Layers in float64 over a whole prompt at once: one dense softmax under a mask, no chunks, caches, plans or top-k. Each
 * layer is computed from the input that the engine under test itself had, so that a selection that fell the other way on a
 * tie does not carry on.
 */
export class BruteForce {
  readonly #model: FloatModel;
  readonly #a: Architecture;
  readonly #inputs: readonly Float64Array[];
  readonly #halves: boolean;
  readonly #projections = new Map<number, Projections>();

  /**
   * @param outputs [layer][position] -> [E], as the engine told them
   * @param halves keys and values pass through 16 bits, as in the engine's cache
   */
  constructor(model: FloatModel, tokens: Uint32Array, outputs: readonly (readonly Float32Array[])[], halves: boolean) {
    this.#model = model;
    this.#a = model.architecture;
    const first = embedding({ tokens, table: model.weights.embedding, width: this.#a.hidden });
    this.#inputs = [
      Float64Array.from(first),
      ...outputs.map((rows) => Float64Array.from(rows.flatMap((row) => [...row]))),
    ];
    this.#halves = halves;
  }

  projections(layer: number): Projections {
    const known = this.#projections.get(layer) ?? this.#project(layer);
    this.#projections.set(layer, known);
    return known;
  }

  #project(layer: number): Projections {
    const { hidden, queryHeads, kvHeads, headDim, ropeBase } = this.#a;
    const weights = this.#model.weights.layer(layer);
    const x = this.#normed(layer);
    const rotated = (weight: Float32Array, heads: number): Float64Array =>
      rope({ x: linear({ x, weight, inputs: hidden }), heads, headDim, start: 0, base: ropeBase });
    return {
      q: rotated(weights.q, queryHeads),
      k: rotated(weights.k, kvHeads),
      v: linear({ x, weight: weights.v, inputs: hidden }),
    };
  }

  /** What `layer` gives, [T, E]. */
  output(layer: number, reads: LayerReads): Float64Array {
    return this.after(
      layer,
      reads.kind === "full" ? this.#full(layer, reads.within) : this.#sparse(layer, reads.within),
    );
  }

  /** The hidden states that `layer` begins with, [T, E]. */
  inputs(layer: number): Float64Array {
    return this.#inputs[layer]!;
  }

  /** What `layer` gives where its heads give these, [T, Hq, d]. */
  after(layer: number, heads: Float64Array): Float64Array {
    const a = this.#a;
    const weights = this.#model.weights.layer(layer);
    const input = this.#inputs[layer]!;
    const attended = sum(input, linear({ x: heads, weight: weights.o, inputs: a.queryHeads * a.headDim }));
    const x = rmsnorm({ x: attended, weight: weights.postNorm, eps: a.normEps });
    const gate = linear({ x, weight: weights.gate, inputs: a.hidden });
    const up = linear({ x, weight: weights.up, inputs: a.hidden });
    return sum(attended, linear({ x: swiglu({ gate, up }), weight: weights.down, inputs: a.intermediate }));
  }

  /** Logits after every position, [T, V]. */
  logits(): Float64Array {
    const { finalNorm, head } = this.#model.weights;
    const x = rmsnorm({ x: this.#inputs.at(-1)!, weight: finalNorm, eps: this.#a.normEps });
    return linear({ x, weight: head, inputs: this.#a.hidden });
  }

  #normed(layer: number): Float64Array {
    const weight = this.#model.weights.layer(layer).inputNorm;
    return rmsnorm({ x: this.#inputs[layer]!, weight, eps: this.#a.normEps });
  }

  #full(layer: number, within: Reads | undefined): Float64Array {
    const sees = within === undefined ? () => () => true : this.#inBlocks(within);
    return this.#attend(this.projections(layer).q, layer, sees, undefined);
  }

  #sparse(layer: number, within: Reads | "nothing"): Float64Array {
    const { queryHeads, kvHeads, headDim, hidden, window, gate: kind } = this.#a;
    const weights = this.#model.weights.layer(layer).sparse!;
    const { q } = this.projections(layer);
    const x = this.#normed(layer);
    const oracle = oracleOf(schedule(this.#a), layer);
    return gateFusion({
      sparse:
        within === "nothing"
          ? new Float64Array(q.length)
          : this.#attend(q, oracle, this.#inBlocks(within), weights.sparseSinks),
      window: this.#attend(q, layer, (query) => (key) => key > query - window, weights.windowSinks),
      sparseGate: linear({ x, weight: weights.sparseGate, inputs: hidden }),
      windowGate: linear({ x, weight: weights.windowGate, inputs: hidden }),
      ...{ queryHeads, kvHeads, headDim, kind },
    });
  }

  #inBlocks(within: Reads): Sees {
    return (query, kvHead, head) => {
      const blocks = within(query, kvHead, head);
      return (key) => blocks.includes(Math.floor(key / this.#a.block));
    };
  }

  /** Softmax attention of q [T, Hq, d] over those keys of `layer` up to each query that it `sees`. */
  #attend(q: Float64Array, layer: number, sees: Sees, sinks: Float32Array | undefined): Float64Array {
    const { queryHeads, kvHeads, headDim: d } = this.#a;
    const { k, v } = this.projections(layer);
    const [keys, values] = this.#halves ? [roundToHalf(k), roundToHalf(v)] : [k, v];
    const out = new Float64Array(q.length);
    for (let query = 0; query < q.length / (queryHeads * d); query++) {
      for (let head = 0; head < queryHeads; head++) {
        const kvHead = Math.floor(head / groupSize(this.#a));
        const at = (query * queryHeads + head) * d;
        const seen = Array.from({ length: query + 1 }, (_, key) => key).filter(sees(query, kvHead, head));
        const row = (key: number): number => (key * kvHeads + kvHead) * d;
        const logits = seen.map((key) => dot(q, at, keys, row(key), d) / Math.sqrt(d));
        const sink = sinks === undefined ? -Infinity : sinks[head]!;
        const top = Math.max(sink, ...logits);
        const total = logits.reduce((all, logit) => all + Math.exp(logit - top), Math.exp(sink - top));
        seen.forEach((key, i) => {
          const p = Math.exp(logits[i]! - top) / total;
          for (let c = 0; c < d; c++) out[at + c]! += p * values[row(key) + c]!;
        });
      }
    }
    return out;
  }
}

function dot(a: Float64Array, atA: number, b: Float64Array | Float32Array, atB: number, width: number): number {
  let total = 0;
  for (let c = 0; c < width; c++) total += a[atA + c]! * b[atB + c]!;
  return total;
}

function sum(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value + b[i]!);
}
