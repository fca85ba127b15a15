import type { ForcedBlocks } from "../../../../kernels/block-topk/block-topk.ts";
import type { BlockList } from "../../selection.ts";

/** What one call of the attention kernels computes; the C source is in kernels/, the numbers are those of job.h. */
export const OPS = { sparse: 0, window: 1, full: 2, topk: 3, gate: 4, means: 5, peak: 6, read: 7 } as const;
export type Op = keyof typeof OPS;

/**
 * One operation for the queries at positions start .. start + count - 1. H lists of blocks per query are each read by G
 * query heads, H G = Hq; `share` lists read one KV head: 1, or with a list for every query head (G = 1) the group size.
 */
export interface Call {
  readonly op: Op;
  readonly start: number;
  readonly count: number;
  readonly heads: number;
  readonly G: number;
  readonly share: number;
  readonly d: number;
  readonly B: number;
  /** Factor of the logits; 0 for topk, gate and means. */
  readonly scale: number;
  /** Blocks of a list (sparse, topk). */
  readonly slots?: number;
  /** w (window); rounds of multiply-adds (peak), times that all is read (read). */
  readonly window?: number;
  /** Positions 0 .. first - 1 are seen beside the window; 0 when absent. */
  readonly first?: number;
  /** [Hkv, count, share G d] */
  readonly q?: Float32Array;
  /**
   * [Hkv, cap, d], rotated; for a window the ring of earlier positions, see ringRow; for gate the means of cap blocks. Must be
   * kernel memory.
   */
  readonly k?: Float32Array;
  readonly v?: Float32Array;
  /** Rows of one KV head in k and v; floats of each unit's part of k (read). */
  readonly cap?: number;
  /** The call's own keys and values [Hkv, count, d] (window). */
  readonly own?: { readonly k: Float32Array; readonly v: Float32Array };
  /** [count, H, slots]; read by sparse, written by topk. */
  readonly list?: BlockList;
  /** Blocks that are always among them (topk). */
  readonly forced?: ForcedBlocks | undefined;
  /** [Hq]; none when absent. */
  readonly sinks?: Float32Array;
  /** After the sigmoid, [count, Hq] or [count, Hq d]; ones when absent. */
  readonly gate?: Float32Array;
  /** Added to `out` instead of written over it: a second branch. */
  readonly add?: boolean;
  /** [count, Hq d]; of means [H, blocks, d], in kernel memory. */
  readonly out?: Float32Array;
  /** [count, H, ceil((start + count) / B)], 0 where a block is not visible; written by full and gate, read by topk. */
  readonly scores?: Float32Array;
  /** [count, H, slots]: the selected blocks' scores (topk). */
  readonly kept?: Float32Array;
}

/** The op of a unit for each of `out`, which gets one number from it, and nothing of an attention (ceilings.c). */
export function ceilingCall(
  op: "peak" | "read",
  out: Float32Array,
  of: Pick<Call, "scale" | "window" | "k" | "cap">,
): Call {
  return { op, start: 0, count: 1, heads: out.length, G: 1, share: 1, d: 1, B: 1, out, ...of };
}

/** Multiply-adds of one round of `peak`: ROUND of ceilings.c. */
export const PEAK_ROUND = 384;

/** The numbers of a call in the order in which `prepare` of kernels.c takes them. */
export function numbersOf(call: Call, threads: number): Int32Array {
  const { op, start, count, heads, G, share, d, B, slots = 1, window = 1, cap = 0, list, gate, forced } = call;
  const { first = 0 } = forced ?? call;
  const width = heads * G * d;
  const outOfHead = op === "means" ? call.out!.length / heads : G * d;
  const gateWidth = gate === undefined ? 0 : gate.length / (count * heads * G);
  return Int32Array.of(
    ...[OPS[op], start, count, heads, G, share, d, B, slots, window, first, cap],
    ...[share * G * d, count * share * G * d, width, outOfHead],
    ...[gateWidth * heads * G, gateWidth, call.add === true ? 1 : 0, forced?.last ?? 0],
    ...[list instanceof Uint32Array ? 1 : 0, threads],
  );
}

type Arrays = Required<Pick<Call, "q" | "k" | "v" | "list" | "sinks" | "gate" | "out" | "scores" | "kept">>;

/** The arrays of a call in the order of `prepare`, undefined where it has none; `written` says which the kernels write. */
export function arraysOf(call: Call): readonly (Arrays[keyof Arrays] | undefined)[] {
  const { q, k, v, own, list, sinks, gate, out, scores, kept } = call;
  return [q, k, v, own?.k, own?.v, list, sinks, gate, out, scores, kept];
}

/** Which of arraysOf a call writes. */
export function writes(call: Call, index: number): boolean {
  const [LIST, OUT, SCORES, KEPT] = [5, 8, 9, 10];
  if (index === LIST || index === KEPT) return call.op === "topk";
  if (index === SCORES) return call.op === "full" || call.op === "gate";
  return index === OUT;
}
