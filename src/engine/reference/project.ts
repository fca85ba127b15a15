import { roundToHalf } from "../../../kernels/half.ts";
import { linear } from "../../../kernels/linear/reference.ts";
import { rmsnorm } from "../../../kernels/rmsnorm/reference.ts";
import { rope } from "../../../kernels/rope/reference.ts";
import { extraOf, extraTensors } from "../../model/extra-weights.ts";
import type { SparseWeights } from "../../model/model.ts";
import type { KeyValues, NewRows } from "./caches.ts";
import type { LayerStep } from "./step.ts";

/** One layer's projections of a chunk. */
export interface Projected {
  /** [C, Hq, d], rotated. */
  readonly queries: Float64Array;
  /** What the cache gained. */
  readonly rows: NewRows;
  /** What the chunk's queries can see of the layer's own keys and values. */
  readonly own: KeyValues;
  /** Before the sigmoid, [C, Hq] or [C, Hq, d]; only of layers that are gated. */
  readonly gates: { readonly sparseGate: Float64Array; readonly windowGate: Float64Array } | undefined;
  /** What the mixer's further tensors make of the layer's input: keys [C, Hkv, d] rotated, values, gates [C, Hq] after the sigmoid. */
  readonly extra: Readonly<Record<string, Float64Array>>;
}

/** Norm, q, k, v and gates, RoPE; the layer's cache gains the chunk. */
export function project(step: LayerStep): Projected {
  const { architecture: a, weights, hidden, chunk, cache, role } = step;
  // The layer input x of eq. 1, 4 and 9 of HySparse: normed, shared by q, k, v and the gates. [C, E]
  const x = rmsnorm({ x: hidden, weight: weights.inputNorm, eps: a.normEps });
  const rows = newRows(step, x);
  const of = (weight: Float32Array): Float64Array => linear({ x, weight, inputs: a.hidden });
  const sparse = role.gated ? mixing(step) : undefined;
  return {
    queries: turned(step, added(of(weights.q), weights.qBias), weights.qNorm, a.queryHeads),
    rows,
    own: cache.write(chunk.start, chunk.rows, rows),
    gates: sparse && { sparseGate: of(sparse.sparseGate), windowGate: of(sparse.windowGate) },
    extra: furtherRows(step, x),
  };
}

function furtherRows(step: LayerStep, x: Float64Array): Record<string, Float64Array> {
  const { architecture: a, weights, role, kvType } = step;
  const kept = (rows: Float64Array): Float64Array => (kvType === "float16" ? asHalves(rows) : rows);
  const rows: Record<string, Float64Array> = {};
  for (const [name, { makes }] of Object.entries(extraTensors(a, role))) {
    if (makes === undefined) continue;
    const made = linear({ x, weight: extraOf(weights.extra, name), inputs: a.hidden });
    if (makes === "keys") rows[name] = kept(turned(step, made, weights.kNorm, a.kvHeads));
    else rows[name] = makes === "values" ? kept(made) : made.map((value) => 1 / (1 + Math.exp(-value)));
  }
  return rows;
}

/** Gates and sinks of a layer that does more than attend to everything. */
export function mixing({ weights, role }: Pick<LayerStep, "weights" | "role">): SparseWeights<Float32Array> {
  if (weights.sparse === undefined) throw new Error(`a layer with the mixer "${role.mixer}" has no gates and sinks`);
  return weights.sparse;
}

/** [C, Hkv, d] each; keys are rotated before they are cached. */
function newRows(step: LayerStep, x: Float64Array): NewRows {
  const { architecture: a, weights } = step;
  const keys = added(linear({ x, weight: weights.k, inputs: a.hidden }), weights.kBias);
  const values = added(linear({ x, weight: weights.v, inputs: a.hidden }), weights.vBias);
  const rows = { keys: turned(step, keys, weights.kNorm, a.kvHeads), values };
  return step.kvType === "float16" ? { keys: asHalves(rows.keys), values: asHalves(rows.values) } : rows;
}

/** Rows with the bias, where there is one. */
function added(rows: Float64Array, bias: Float32Array | undefined): Float64Array {
  return bias === undefined ? rows : rows.map((value, i) => value + bias[i % bias.length]!);
}

/** Queries or keys [C, heads, d]: normed head by head where the decoder does, and turned by their positions. */
function turned(
  { architecture: { headDim, normEps }, chunk, turn }: LayerStep,
  rows: Float64Array,
  norm: Float32Array | undefined,
  heads: number,
): Float64Array {
  const x = norm === undefined ? rows : rmsnorm({ x: rows, weight: norm, eps: normEps });
  return rope({ x, heads, headDim, start: chunk.start, ...turn });
}

/** What a 16-bit cache keeps of these values. */
function asHalves(values: Float64Array): Float64Array {
  return Float64Array.from(roundToHalf(values));
}
