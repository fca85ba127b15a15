import { NO_BLOCK } from "../../kernels/block-topk/block-topk.ts";
import type { BlockGateInput } from "../../kernels/block-gate/block-gate.ts";
import type { BlockSparseAttentionInput } from "../../kernels/block-sparse-attention/block-sparse-attention.ts";
import type { ScoredAttentionInput } from "../../kernels/full-attention/full-attention.ts";
import type { NumericArray } from "../../kernels/numeric-array.ts";
import { Random } from "../../kernels/random.ts";
import { cutForRing } from "../../kernels/sliding-window/ring.ts";
import type { SlidingWindowInput } from "../../kernels/sliding-window/sliding-window.ts";
import type { Call } from "../../src/engine/cpu/kernels/call.ts";

export const floatsOf = (array: NumericArray): Float32Array => Float32Array.from(array);

/** [C, Hq, d] -> [heads, C, G d] */
function byHead(rows: NumericArray, heads: number, width: number): Float32Array {
  const count = rows.length / (heads * width);
  const out = new Float32Array(rows.length);
  for (let c = 0; c < count; c++) {
    for (let h = 0; h < heads; h++) {
      out.set(rows.subarray((c * heads + h) * width, (c * heads + h + 1) * width), (h * count + c) * width);
    }
  }
  return out;
}

function shape({
  queries,
  queryHeads,
  kvHeads,
  headDim,
}: {
  queries: NumericArray;
  queryHeads: number;
  kvHeads: number;
  headDim: number;
}): Pick<Call, "count" | "heads" | "G" | "share" | "d" | "scale" | "q"> {
  const G = queryHeads / kvHeads;
  return {
    count: queries.length / (queryHeads * headDim),
    ...{ heads: kvHeads, G, share: 1, d: headDim, scale: 1 / Math.sqrt(headDim) },
    q: byHead(queries, kvHeads, G * headDim),
  };
}

/** A list of its own for every query head of [C, Hq, d]. */
export function perHead({
  queries,
  queryHeads,
  kvHeads,
  headDim,
}: Pick<BlockGateInput, "queries" | "queryHeads" | "kvHeads" | "headDim">): Pick<Call, "heads" | "G" | "share" | "q"> {
  const share = queryHeads / kvHeads;
  return { heads: queryHeads, G: 1, share, q: byHead(queries, kvHeads, share * headDim) };
}

export function sparseCall(input: BlockSparseAttentionInput, wide: boolean): { call: Call; out: Float32Array } {
  const { keys, kvHeads, headDim, blocks, block, slots, start, sinks, lists } = input;
  const out = new Float32Array(input.queries.length).fill(NaN);
  const list = wide ? Uint32Array.from(blocks) : Uint16Array.from(blocks, (b) => (b === NO_BLOCK ? 0xffff : b));
  const call: Call = {
    ...{ op: "sparse", start, B: block, slots, ...shape(input), k: floatsOf(keys), v: floatsOf(input.values) },
    ...(lists === input.queryHeads ? perHead(input) : {}),
    ...{ cap: keys.length / (kvHeads * headDim), list, sinks: floatsOf(sinks), out },
  };
  return { call, out };
}

export function fullCall(input: ScoredAttentionInput): { call: Call; out: Float32Array; scores: Float32Array } {
  const { keys, kvHeads, headDim, block, start } = input;
  const out = new Float32Array(input.queries.length).fill(NaN);
  const s = shape(input);
  const scores = new Float32Array(s.count * kvHeads * Math.ceil((start + s.count) / block)).fill(NaN);
  const cap = keys.length / (kvHeads * headDim);
  const call: Call = {
    op: "full",
    start,
    B: block,
    ...s,
    k: floatsOf(keys),
    v: floatsOf(input.values),
    cap,
    out,
    scores,
  };
  return { call, out, scores };
}

/** Keys before the call's own go into a ring, as the engine keeps them. */
export function windowCall(input: SlidingWindowInput): { call: Call; out: Float32Array } {
  const { keys, values, from, first = 0, kvHeads, headDim, window, start, sinks } = input;
  const out = new Float32Array(input.queries.length).fill(NaN);
  const s = shape(input);
  const cap = Math.min(start + s.count, window + first);
  const cut = { ...{ kvHeads, headDim, start, rows: s.count, ring: cap }, from, first };
  const [k, v] = [cutForRing(keys, cut), cutForRing(values, cut)];
  const call: Call = {
    ...{ op: "window", start, B: 64, window, first, ...s, k: k.ring, v: v.ring, cap },
    ...{ own: { k: k.chunk, v: v.chunk }, sinks: floatsOf(sinks), out },
  };
  return { call, out };
}

/** Enough queries for units to be cut differently by every number of threads. */
export function largeCall(seed: number): { call: Call; out: Float32Array } {
  const random = new Random(seed);
  const [count, heads, G, d, B, slots] = [700, 2, 3, 64, 64, 3];
  const list = new Uint16Array(count * heads * slots).fill(0xffff);
  for (let n = 0; n < count * heads; n++) {
    const own = Math.floor(Math.floor(n / heads) / B);
    const chosen = new Set([own]);
    while (chosen.size < Math.min(slots, own + 1)) chosen.add(random.integer(own + 1));
    list.set(
      [...chosen].sort((a, b) => a - b),
      n * slots,
    );
  }
  const out = new Float32Array(count * heads * G * d);
  const [q, k, v] = [random.normals(out.length), random.normals(heads * count * d), random.normals(heads * count * d)];
  return {
    call: {
      op: "sparse",
      start: 0,
      count,
      heads,
      G,
      share: 1,
      d,
      B,
      slots,
      scale: 1 / 8,
      q,
      k,
      v,
      cap: count,
      list,
      out,
    },
    out,
  };
}
