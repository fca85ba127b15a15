import { blockSparseAttention } from "../../../kernels/block-sparse-attention/reference.ts";
import type { BlockTopkOutput } from "../../../kernels/block-topk/block-topk.ts";
import { blockTopk } from "../../../kernels/block-topk/reference.ts";
import type { ScoredAttentionOutput } from "../../../kernels/full-attention/full-attention.ts";
import { fullAttention, scoredAttention } from "../../../kernels/full-attention/reference.ts";
import { gateFusion } from "../../../kernels/gate-fusion/reference.ts";
import { roundToHalf } from "../../../kernels/half.ts";
import { linear } from "../../../kernels/linear/reference.ts";
import type { NumericArray } from "../../../kernels/numeric-array.ts";
import { rmsnorm } from "../../../kernels/rmsnorm/reference.ts";
import { rope } from "../../../kernels/rope/reference.ts";
import { slidingWindow } from "../../../kernels/sliding-window/reference.ts";
import { selectedBlocks, type Architecture } from "../../model/architecture.ts";
import type { LayerWeights, SparseWeights } from "../../model/model.ts";
import type { Stage } from "../engine.ts";
import type { FullCache, NewRows, WindowCache } from "./caches.ts";

/** Consecutive positions that pass through a layer together. */
export interface Chunk {
  readonly start: number;
  readonly rows: number;
}

/** What a full layer hands to the sparse layers after it. */
export interface Oracle {
  readonly cache: FullCache;
  /** The blocks that this chunk's queries read, as block-topk gives them: [C, Hkv, k / B]. */
  readonly blocks: Int32Array;
}

/** What sets one layer's attention apart from another's. */
export type AttentionPart =
  | { readonly kind: "full"; readonly cache: FullCache; readonly oracle?: OracleDuties }
  /** A full layer that reads only some blocks of its own cache, [C, Hkv, k / B]; for a swap. */
  | { readonly kind: "restricted"; readonly cache: FullCache; readonly blocks: Int32Array }
  /** Without an oracle the block-sparse branch gives zeros; for a swap. */
  | { readonly kind: "sparse"; readonly cache: WindowCache; readonly oracle: Oracle | undefined }
  | { readonly kind: "window"; readonly cache: WindowCache };

/** What a full layer of the hysparse variant owes others; one that owes nothing computes no scores. */
export interface OracleDuties {
  /** Sparse layers follow: blocks must be chosen. */
  readonly feeds: boolean;
  /** Given the scores, and the selection where `feeds`, before the layer goes on. */
  deliver(scored: ScoredAttentionOutput, chosen: BlockTopkOutput | undefined): void;
}

/** Runs one step of a layer and reports its time under `stage`. */
export type Timed = <T>(stage: Stage, work: () => T) => T;

/** Rounding of cached keys and values, to compare with engines whose caches hold 16 bits. */
export type KvType = "float16";

/** One layer's attention over one chunk: its weights, its input, and where it stands. */
export interface AttentionStep {
  readonly architecture: Architecture;
  readonly weights: LayerWeights;
  readonly chunk: Chunk;
  /** [C, E] */
  readonly hidden: Float64Array;
  readonly timed: Timed;
  /** What the caches keep of new rows; as they are when absent. */
  readonly kvType?: KvType | undefined;
  /** Told of the queries [C, Hq, d] and own keys [C, Hkv, d] after RoPE. */
  readonly onProjected?: ((queries: Float64Array, keys: Float64Array) => void) | undefined;
}

/**
 * Attention of one layer up to the output projection, by kind. Runs the stages `project` and `attend` and returns what
 * is left for `output`: a function that yields [C, Hq * d]. The part's cache gains the chunk.
 */
export function attention(step: AttentionStep, part: AttentionPart): () => Float64Array {
  switch (part.kind) {
    case "full":
      return full(step, part.cache, part.oracle);
    case "restricted":
      return restricted(step, part.cache, part.blocks);
    case "sparse":
      return sparse(step, part.cache, part.oracle);
    case "window":
      return window(step, part.cache);
  }
}

/** Full causal attention, with block scores and a selection where the layer is an oracle (eq. 1-3). */
function full(step: AttentionStep, cache: FullCache, oracle: OracleDuties | undefined): () => Float64Array {
  const { architecture, chunk, timed } = step;
  const input = { queries: projectInto(step, cache), ...cache.all(), ...headCounts(step) };
  if (oracle === undefined) {
    const out = timed("attend", () => fullAttention(input));
    return () => out;
  }
  const out = timed("attend", () => {
    const { block } = architecture;
    const scored = timed("score", () => scoredAttention({ ...input, block }));
    const shape = { scores: scored.groupScores, blocks: Math.ceil((chunk.start + chunk.rows) / block), block };
    const slots = selectedBlocks(architecture);
    const chosen = oracle.feeds
      ? timed("select", () => blockTopk({ ...shape, kvHeads: architecture.kvHeads, slots, start: chunk.start }))
      : undefined;
    oracle.deliver(scored, chosen);
    return scored.out;
  });
  return () => out;
}

/** Attention of a full layer's queries inside some blocks of its own cache; like any full layer's, without a sink. */
function restricted(step: AttentionStep, cache: FullCache, blocks: Int32Array): () => Float64Array {
  const { architecture, timed } = step;
  const sinks = new Float64Array(architecture.queryHeads).fill(-Infinity);
  const queries = projectInto(step, cache);
  const out = timed("attend", () => timed("sparse", () => inBlocks(step, queries, { cache, blocks }, sinks)));
  return () => out;
}

/** Two branches of one q': the oracle's blocks and the layer's own window, mixed by gates of the layer input (eq. 4-9). */
function sparse(step: AttentionStep, cache: WindowCache, oracle: Oracle | undefined): () => Float64Array {
  const { architecture, chunk, timed } = step;
  const { sparseGate, windowGate, sparseSinks, windowSinks } = sparseWeights(step.weights);
  const { queries, rows, seen, gates } = timed("project", () => {
    const x = normed(step);
    const rows = newRows(step, x);
    return {
      queries: rotatedQueries(step, x),
      rows,
      seen: cache.write(chunk.start, chunk.rows, rows),
      gates: {
        sparseGate: linear({ x, weight: sparseGate, inputs: architecture.hidden }),
        windowGate: linear({ x, weight: windowGate, inputs: architecture.hidden }),
      },
    };
  });
  step.onProjected?.(queries, rows.keys);
  const heads = headCounts(step);
  const branches = timed("attend", () => ({
    sparse:
      oracle === undefined
        ? new Float64Array(queries.length)
        : timed("sparse", () => inBlocks(step, queries, oracle, sparseSinks)),
    window: timed("window", () =>
      slidingWindow({ queries, ...seen, sinks: windowSinks, window: architecture.window, ...heads }),
    ),
  }));
  return () => gateFusion({ ...branches, ...gates, ...heads, kind: architecture.gate });
}

/** The sliding window alone, without a gate: the other layers of the hybrid-SWA baseline. */
function window(step: AttentionStep, cache: WindowCache): () => Float64Array {
  const { architecture, chunk, timed } = step;
  const { queries, rows, seen } = timed("project", () => {
    const x = normed(step);
    const rows = newRows(step, x);
    return { queries: rotatedQueries(step, x), rows, seen: cache.write(chunk.start, chunk.rows, rows) };
  });
  step.onProjected?.(queries, rows.keys);
  const sinks = sparseWeights(step.weights).windowSinks;
  const out = timed("attend", () =>
    timed("window", () => slidingWindow({ queries, ...seen, sinks, window: architecture.window, ...headCounts(step) })),
  );
  return () => out;
}

/** The `project` stage of a full layer: the chunk's keys and values go to its cache, its queries are returned. */
function projectInto(step: AttentionStep, cache: FullCache): Float64Array {
  const { chunk, timed } = step;
  const { queries, rows } = timed("project", () => {
    const x = normed(step);
    const rows = newRows(step, x);
    cache.write(chunk.start, chunk.rows, rows);
    return { queries: rotatedQueries(step, x), rows };
  });
  step.onProjected?.(queries, rows.keys);
  return queries;
}

function inBlocks(
  step: AttentionStep,
  queries: Float64Array,
  { cache, blocks }: Oracle,
  sinks: NumericArray,
): Float64Array {
  const { block } = step.architecture;
  const slots = selectedBlocks(step.architecture);
  return blockSparseAttention({ queries, ...cache.all(), blocks, sinks, block, slots, ...headCounts(step) });
}

interface HeadCounts {
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly start: number;
}

function headCounts({ architecture, chunk }: AttentionStep): HeadCounts {
  const { queryHeads, kvHeads, headDim } = architecture;
  return { queryHeads, kvHeads, headDim, start: chunk.start };
}

function sparseWeights(weights: LayerWeights): SparseWeights {
  if (weights.sparse === undefined) throw new Error("a layer that the schedule calls sparse has no gates and sinks");
  return weights.sparse;
}

/** The layer input x of eq. 1, 4 and 9: normed, shared by q, k, v and the gates. [C, E] */
function normed({ architecture, weights, hidden }: AttentionStep): Float64Array {
  return rmsnorm({ x: hidden, weight: weights.inputNorm, eps: architecture.normEps });
}

/** [C, Hq, d] */
function rotatedQueries(step: AttentionStep, x: Float64Array): Float64Array {
  const queries = linear({ x, weight: step.weights.q, inputs: step.architecture.hidden });
  return rotated(step, queries, step.architecture.queryHeads);
}

/** [C, Hkv, d] each; keys are rotated before they are cached. */
function newRows(step: AttentionStep, x: Float64Array): NewRows {
  const { architecture, weights } = step;
  const keys = linear({ x, weight: weights.k, inputs: architecture.hidden });
  const values = linear({ x, weight: weights.v, inputs: architecture.hidden });
  const rows = { keys: rotated(step, keys, architecture.kvHeads), values };
  return step.kvType === "float16" ? { keys: asHalves(rows.keys), values: asHalves(rows.values) } : rows;
}

function rotated({ architecture, chunk }: AttentionStep, x: Float64Array, heads: number): Float64Array {
  return rope({ x, heads, headDim: architecture.headDim, start: chunk.start, base: architecture.ropeBase });
}

/** What a 16-bit cache keeps of these values. */
function asHalves(values: Float64Array): Float64Array {
  return Float64Array.from(roundToHalf(values));
}
