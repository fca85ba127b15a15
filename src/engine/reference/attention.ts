import { blockSparseAttention } from "../../../kernels/block-sparse-attention/reference.ts";
import type { BlockTopkOutput } from "../../../kernels/block-topk/block-topk.ts";
import { blockTopk } from "../../../kernels/block-topk/reference.ts";
import type { ScoredAttentionOutput } from "../../../kernels/full-attention/full-attention.ts";
import { fullAttention, scoredAttention } from "../../../kernels/full-attention/reference.ts";
import { gateFusion } from "../../../kernels/gate-fusion/reference.ts";
import { linear } from "../../../kernels/linear/reference.ts";
import { rmsnorm } from "../../../kernels/rmsnorm/reference.ts";
import { rope } from "../../../kernels/rope/reference.ts";
import { slidingWindow } from "../../../kernels/sliding-window/reference.ts";
import { selectedBlocks, type Architecture } from "../../model/architecture.ts";
import type { LayerWeights, SparseWeights } from "../../model/model.ts";
import type { Stage } from "../engine.ts";
import { roundToHalf } from "../../../kernels/half.ts";
import type { FullCache, NewRows, WindowCache } from "./caches.ts";

/** Consecutive positions that pass through a layer together. */
export interface Chunk {
  readonly start: number;
  readonly rows: number;
}

/** What a full layer hands to the sparse layers after it: its cache, and the blocks it chose for this chunk's queries. */
export interface Oracle {
  readonly cache: FullCache;
  readonly chosen: BlockTopkOutput;
}

/** What sets one layer's attention apart from another's. */
export type AttentionPart =
  | { readonly kind: "full"; readonly cache: FullCache; readonly oracle?: OracleDuties }
  | { readonly kind: "sparse"; readonly cache: WindowCache; readonly oracle: Oracle }
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

/** One layer's attention over one chunk: its weights, its input, and where it stands. */
/** Rounding of cached keys and values, to compare with engines whose caches hold 16 bits. */
export type KvType = "float16";

export interface AttentionStep {
  readonly architecture: Architecture;
  readonly weights: LayerWeights;
  readonly chunk: Chunk;
  /** [C, E] */
  readonly hidden: Float64Array;
  readonly timed: Timed;
  /** What the caches keep of new rows; as they are when absent. */
  readonly kvType?: KvType | undefined;
}

/**
 * Attention of one layer up to the output projection, by kind. Runs the stages `project` and `attend` and returns what
 * is left for `output`: a function that yields [C, Hq * d]. The part's cache gains the chunk.
 */
export function attention(step: AttentionStep, part: AttentionPart): () => Float64Array {
  switch (part.kind) {
    case "full":
      return full(step, part.cache, part.oracle);
    case "sparse":
      return sparse(step, part.cache, part.oracle);
    case "window":
      return window(step, part.cache);
  }
}

/** Full causal attention, with block scores and a selection where the layer is an oracle (eq. 1-3). */
function full(step: AttentionStep, cache: FullCache, oracle: OracleDuties | undefined): () => Float64Array {
  const { architecture, chunk, timed } = step;
  const queries = timed("project", () => {
    const x = normed(step);
    cache.write(chunk.start, chunk.rows, newRows(step, x));
    return rotatedQueries(step, x);
  });
  const input = { queries, ...cache.all(), ...headCounts(step) };
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

/** Two branches of one q': the oracle's blocks and the layer's own window, mixed by gates of the layer input (eq. 4-9). */
function sparse(step: AttentionStep, cache: WindowCache, oracle: Oracle): () => Float64Array {
  const { architecture, chunk, timed } = step;
  const { sparseGate, windowGate, sparseSinks, windowSinks } = sparseWeights(step.weights);
  const { queries, seen, gates } = timed("project", () => {
    const x = normed(step);
    return {
      queries: rotatedQueries(step, x),
      seen: cache.write(chunk.start, chunk.rows, newRows(step, x)),
      gates: {
        sparseGate: linear({ x, weight: sparseGate, inputs: architecture.hidden }),
        windowGate: linear({ x, weight: windowGate, inputs: architecture.hidden }),
      },
    };
  });
  const heads = headCounts(step);
  const branches = timed("attend", () => ({
    sparse: timed("sparse", () =>
      blockSparseAttention({
        queries,
        ...oracle.cache.all(),
        blocks: oracle.chosen.blocks,
        sinks: sparseSinks,
        block: architecture.block,
        slots: selectedBlocks(architecture),
        ...heads,
      }),
    ),
    window: timed("window", () =>
      slidingWindow({ queries, ...seen, sinks: windowSinks, window: architecture.window, ...heads }),
    ),
  }));
  return () => gateFusion({ ...branches, ...gates, ...heads, kind: architecture.gate });
}

/** The sliding window alone, without a gate: the other layers of the hybrid-SWA baseline. */
function window(step: AttentionStep, cache: WindowCache): () => Float64Array {
  const { architecture, chunk, timed } = step;
  const { queries, seen } = timed("project", () => {
    const x = normed(step);
    return { queries: rotatedQueries(step, x), seen: cache.write(chunk.start, chunk.rows, newRows(step, x)) };
  });
  const sinks = sparseWeights(step.weights).windowSinks;
  const out = timed("attend", () =>
    timed("window", () => slidingWindow({ queries, ...seen, sinks, window: architecture.window, ...headCounts(step) })),
  );
  return () => out;
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
