import type { Architecture } from "../model/architecture.ts";
import { groupSize } from "../model/decoder.ts";
import { choiceIn, gateOf, type KeptStream, type LayerPlan } from "./plan.ts";
import type { Stage } from "./stages.ts";

/** What a stage must do at least, whatever the implementation: arithmetic, and every input read and output written once. */
export interface Cost {
  readonly flops: number;
  readonly bytes: number;
}

/** A selected block's index: 16 bits are enough for 4 M tokens in blocks of 64. */
const INDEX_BYTES = 2;

export type Costs = Partial<Record<Stage, Cost>>;

/** The queries of a phase: positions from .. to - 1. */
export interface Span {
  readonly from: number;
  readonly to: number;
  /** Times that weights and caches must be read anew: 1 for a prefill, one per token for decode. */
  readonly passes: number;
}

/** What the attention of one layer depends on. */
export interface Work {
  readonly architecture: Architecture;
  readonly layer: LayerPlan;
  readonly span: Span;
  readonly bytesPerValue: number;
  /** Keys read through a selection, summed over the span's queries and KV heads; 0 where the layer reads none so. */
  readonly selectedKeys: number;
}

/** Bytes of `count` rows of `width` values. */
export function rowBytes(count: number, width: number, { bytesPerValue }: Pick<Work, "bytesPerValue">): number {
  return count * width * bytesPerValue;
}

/** Attention to what the layer itself keeps: every token, or a ring and the first of the context. */
export function ownAttention(work: Work): Cost {
  const { architecture: a, span } = work;
  const { tokens, first = 0 } = ringOf(work.layer.keeps);
  const pairs = sumVisible(span, tokens + first);
  const reach = span.to - Math.max(0, span.from - tokens) + Math.min(first, Math.max(0, span.from - tokens));
  return {
    flops: 4 * a.headDim * a.queryHeads * pairs,
    bytes: queryBytes(work) + rowBytes(keysRead(span, pairs, reach), 2 * a.kvHeads * a.headDim, work),
  };
}

/** Attention to the keys that another layer's selection names, in its cache or the layer's own. */
export function selectedAttention(work: Work): Cost {
  const { architecture: a, span, selectedKeys } = work;
  const perHead = selectedKeys / a.kvHeads;
  const read = keysRead(span, perHead, Math.min(perHead, span.to));
  return {
    flops: 4 * a.headDim * groupSize(a) * selectedKeys,
    bytes: queryBytes(work) + rowBytes(read, 2 * a.kvHeads * a.headDim, work) + indexBytes(work),
  };
}

/** Attention of every query head to the blocks of the layer's own keys that it chose for itself. */
export function ownChoiceAttention(work: Work): Cost {
  const { architecture: a, span } = work;
  const { block, top } = gateOf(work.layer);
  const pairs = sumOver(span, (t) => chosenKeys(block, top, t));
  return {
    flops: 4 * a.headDim * a.queryHeads * pairs,
    // A decode step reads least where all heads of a group chose alike.
    bytes:
      queryBytes(work) + rowBytes(keysRead(span, pairs, span.to), 2 * a.kvHeads * a.headDim, work) + listBytes(work),
  };
}

/** The choice itself: means of the blocks that fill, affinities of the queries that have more blocks than they may read, lists. */
export function ownChoice(work: Work): Cost {
  const { architecture: a, span, layer } = work;
  const { block, top } = gateOf(layer);
  const rivals = sumOver(span, (t) => (Math.floor(t / block) < top ? 0 : Math.floor(t / block)));
  const most = Math.floor((span.to - 1) / block);
  const queries = span.to - span.from;
  return {
    flops: a.headDim * (2 * a.queryHeads * rivals + a.kvHeads * queries),
    bytes:
      rowBytes(queries, (a.queryHeads + a.kvHeads) * a.headDim, work) +
      rowBytes(keysRead(span, rivals, most < top ? 0 : most) + queries / block, a.kvHeads * a.headDim, work) +
      listBytes(work),
  };
}

/** Keys that the query at `t` reads: those of its own block up to it, and of so many other blocks as there are and it may. */
export function chosenKeys(block: number, top: number, t: number): number {
  return Math.min(Math.floor(t / block), top - 1) * block + (t % block) + 1;
}

function listBytes({ architecture: a, span, layer }: Work): number {
  const { block, top } = gateOf(layer);
  return sumBlocks(span, block, top) * a.queryHeads * INDEX_BYTES;
}

/** Block scores of every query and KV head, as they are written once. */
export function scoreBytes({ architecture: a, layer, span, bytesPerValue }: Work): number {
  return sumBlocks(span, choiceIn(layer).block, Infinity) * a.kvHeads * bytesPerValue;
}

/** Indices of the blocks that every query and KV head selects, as they are written or read once. */
export function indexBytes({ architecture: a, layer, span }: Work): number {
  const { block, slots } = choiceIn(layer);
  return sumBlocks(span, block, slots) * a.kvHeads * INDEX_BYTES;
}

/** Queries in, outputs out. */
export function queryBytes(work: Work): number {
  const { architecture: a, span } = work;
  return rowBytes(span.to - span.from, 2 * a.queryHeads * a.headDim, work);
}

/** A prefill reads every cached key once; each decode step reads all that its one query can see. */
export function keysRead({ passes }: Span, visible: number, most: number): number {
  return passes === 1 ? most : visible;
}

function ringOf(keeps: KeptStream): { readonly tokens: number; readonly first?: number } {
  return keeps.kind === "ring" ? keeps : { tokens: Infinity };
}

/** Sum over the span's queries of the keys each sees, at most `most`: min(t + 1, most). */
function sumVisible({ from, to }: Span, most: number): number {
  const whole = Math.min(Math.max(most - 1, from), to);
  const growing = ((from + 1 + whole) * (whole - from)) / 2;
  return growing + (to > whole ? (to - whole) * most : 0);
}

/** Sum over the span's queries of the blocks each sees, at most `most`: min(floor(t / B) + 1, most). */
function sumBlocks(span: Span, block: number, most: number): number {
  return sumOver(span, (t) => Math.min(Math.floor(t / block) + 1, most));
}

export function sumOver({ from, to }: Span, of: (t: number) => number): number {
  let sum = 0;
  for (let t = from; t < to; t++) sum += of(t);
  return sum;
}
