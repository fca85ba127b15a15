import type { Ceilings, LayerKind, Stage } from "../engine/engine.ts";
import { ATTEND_PARTS } from "../engine/engine.ts";
import { groupSize, selectedBlocks, type Architecture } from "../model/architecture.ts";

/** What a stage must do at least, whatever the implementation: arithmetic, and every input read and output written once. */
export interface Cost {
  readonly flops: number;
  readonly bytes: number;
}

/** A selected block's index: 16 bits are enough for 4 M tokens in blocks of 64. */
const INDEX_BYTES = 2;

/** The queries of a phase: positions from .. to - 1. */
export interface Span {
  readonly from: number;
  readonly to: number;
  /** Times that weights and caches must be read anew: 1 for a prefill, one per token for decode. */
  readonly passes: number;
}

/** What the cost of one layer depends on. */
export interface LayerSituation {
  readonly kind: LayerKind;
  /** The layer emits block scores for sparse layers after it. */
  readonly oracle: boolean;
  /** Keys read through the selection, summed over the span's queries and KV heads (sparse layers). */
  readonly selectedKeys: number;
}

/** Least time in milliseconds that `cost` needs on a machine with these ceilings. */
export function floorMs(cost: Cost, ceilings: Ceilings): number {
  return Math.max(cost.flops / ceilings.matrixGflops, cost.bytes / ceilings.copyGBps) / 1e6;
}

/** The stages that a layer of this kind has, with their costs; `attend` is left to the sum of its parts where it has any. */
export function layerCosts(
  a: Architecture,
  situation: LayerSituation,
  span: Span,
  bytesPerValue: number,
): Partial<Record<Stage, Cost>> {
  const { hidden, intermediate, queryHeads: Hq, kvHeads: Hkv, headDim: d } = a;
  const { kind, oracle } = situation;
  const queries = span.to - span.from;
  const gates = kind === "sparse" ? 2 * (a.gate === "head" ? Hq : Hq * d) : 0;
  const widths = (Hq + 2 * Hkv) * d + gates;
  const rows = (count: number, width: number): number => count * width * bytesPerValue;
  const weights = (count: number): number => span.passes * count * bytesPerValue;
  const attention = (pairs: number, keysRead: number): Cost => ({
    flops: 4 * d * Hq * pairs,
    bytes: rows(queries, 2 * Hq * d) + rows(keysRead, 2 * Hkv * d),
  });

  const causal = sumVisible(span, Infinity);
  const windowed = sumVisible(span, a.window);
  // A prefill reads every cached key once; each decode step reads all that its one query can see.
  const keysRead = (visible: number, most: number): number => (span.passes === 1 ? most : visible);
  const indices = (): number => sumBlocks(span, a.block, selectedBlocks(a)) * Hkv * INDEX_BYTES;
  const costs: Partial<Record<Stage, Cost>> = {
    project: { flops: 2 * queries * hidden * widths, bytes: weights(hidden * widths) + rows(queries, hidden + widths) },
    output: {
      flops: 2 * queries * hidden * Hq * d,
      // A sparse layer's two branches are mixed here by their gates.
      bytes: weights(hidden * Hq * d) + rows(queries, 2 * hidden + (kind === "sparse" ? 2 : 1) * Hq * d + gates),
    },
    mlp: {
      flops: 6 * queries * hidden * intermediate,
      bytes: weights(3 * hidden * intermediate) + rows(queries, 2 * hidden),
    },
  };
  if (kind === "full") {
    const full = attention(causal, keysRead(causal, span.to));
    if (!oracle) return { ...costs, attend: full };
    const scores = sumBlocks(span, a.block, Infinity) * Hkv;
    return {
      ...costs,
      score: { flops: full.flops, bytes: full.bytes + scores * bytesPerValue },
      select: { flops: 0, bytes: scores * bytesPerValue + indices() },
    };
  }
  const window = attention(windowed, keysRead(windowed, span.to - Math.max(0, span.from - a.window)));
  if (kind === "window") return { ...costs, window };
  const perHead = situation.selectedKeys / Hkv;
  const sparse: Cost = {
    flops: 4 * d * groupSize(a) * situation.selectedKeys,
    bytes: rows(queries, 2 * Hq * d) + rows(keysRead(perHead, Math.min(perHead, span.to)), 2 * Hkv * d) + indices(),
  };
  return { ...costs, sparse, window };
}

/** `attend` from its parts, which run one after another. */
export function withAttend(costs: Readonly<Partial<Record<Stage, Cost>>>): Partial<Record<Stage, Cost>> {
  if (costs.attend !== undefined) return { ...costs };
  const parts = ATTEND_PARTS.flatMap((part) => costs[part] ?? []);
  return {
    ...costs,
    attend: {
      flops: parts.reduce((sum, part) => sum + part.flops, 0),
      bytes: parts.reduce((sum, part) => sum + part.bytes, 0),
    },
  };
}

/** Sum over the span's queries of the keys each sees, at most `most`: min(t + 1, most). */
function sumVisible({ from, to }: Span, most: number): number {
  const whole = Math.min(Math.max(most - 1, from), to);
  const growing = ((from + 1 + whole) * (whole - from)) / 2;
  return growing + (to > whole ? (to - whole) * most : 0);
}

/** Sum over the span's queries of the blocks each sees, at most `most`: min(floor(t / B) + 1, most). */
function sumBlocks({ from, to }: Span, block: number, most: number): number {
  let sum = 0;
  for (let t = from; t < to; t++) sum += Math.min(Math.floor(t / block) + 1, most);
  return sum;
}
