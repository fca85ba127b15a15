import { blockImportance } from "../../../kernels/block-importance/reference.ts";
import { blockSparseAttention } from "../../../kernels/block-sparse-attention/reference.ts";
import { blockTopk } from "../../../kernels/block-topk/reference.ts";
import { compressedBlocks } from "../../../kernels/compress-blocks/compress-blocks.ts";
import { compressBlocks } from "../../../kernels/compress-blocks/reference.ts";
import { compressedAttention } from "../../../kernels/compressed-attention/reference.ts";
import { roundToHalf } from "../../../kernels/half.ts";
import { slidingWindow } from "../../../kernels/sliding-window/reference.ts";
import type { NsaTensor } from "../../designs/nsa/weights.ts";
import { branchesOf, type Branches } from "../../designs/plan.ts";
import { extraOf } from "../../model/extra-weights.ts";
import { windowOf } from "../decoder/roles.ts";
import { headCounts, noSinks } from "./head-counts.ts";
import type { KeyValues, NewRows } from "./caches.ts";
import type { Projected } from "./project.ts";
import type { LayerStep } from "./step.ts";

/**
 * Compressed blocks, the blocks that these choose, and a window, each with keys and values of its own, under three gates (NSA,
 * arXiv 2502.11089, eq. 5): [C, Hq, d].
 */
export function threeBranches(step: LayerStep, { queries, own, extra }: Projected): Float64Array {
  const { chunk, more, role, timed } = step;
  const [windowCache, pendingCache, compressedCache] = more;
  if (!windowCache || !pendingCache || !compressedCache) throw new Error("a layer of three branches lacks a cache");
  const { window, compressed: strides, selects } = branchesOf(role);
  const { block: select, slots } = selects;
  const heads = headCounts(step);
  const of = (name: NsaTensor): Float64Array => extraOf(extra, name);
  const shape = { ...heads, ...strides };
  const { out: compressed, scores } = timed("compress", () => {
    const recent = pendingCache.write(chunk.start, chunk.rows, { keys: of("compressK"), values: of("compressV") });
    const first = compressedBlocks(strides, chunk.start);
    const made = compressedRows(step, strides, recent, first);
    const kept = compressedCache.write(first, made.keys.length / (heads.kvHeads * heads.headDim), made);
    const { out, probabilities } = compressedAttention({ queries, ...kept, ...shape });
    return { out, scores: blockImportance({ probabilities, rows: chunk.rows, select, ...shape }) };
  });
  const blocks = timed("select", () => {
    const count = Math.ceil((chunk.start + chunk.rows) / select);
    return blockTopk({ scores, blocks: count, block: select, slots, ...heads }).blocks;
  });
  const sinks = noSinks(step);
  const selected = timed("sparse", () =>
    blockSparseAttention({ queries, ...own, blocks, sinks, block: select, slots, ...heads }),
  );
  const near = windowCache.write(chunk.start, chunk.rows, { keys: of("windowK"), values: of("windowV") });
  const last = timed("window", () =>
    slidingWindow({ queries, ...near, sinks, window: windowOf({ keeps: window }), ...heads }),
  );
  const [c, s, w] = [of("compressGate"), of("selectGate"), of("windowGate")];
  return compressed.map((value, i) => {
    const head = Math.floor(i / heads.headDim);
    return c[head]! * value + s[head]! * selected[i]! + w[head]! * last[i]!;
  });
}

/** Keys and values of the compressed blocks from `first` on that the chunk completes, [blocks, Hkv, d]. */
function compressedRows(
  { architecture: { kvHeads, headDim }, chunk, weights: { extra }, kvType }: LayerStep,
  strides: Branches["compressed"],
  { keys, values, from }: KeyValues,
  first: number,
): NewRows {
  const made = (rows: Float64Array, kind: "K" | "V"): Float64Array => {
    const of = (part: "Position" | "Inner" | "Outer"): Float32Array =>
      extraOf(extra, `map${kind}${part}` satisfies NsaTensor);
    const map = { position: of("Position"), inner: of("Inner"), outer: of("Outer") };
    const end = compressedBlocks(strides, chunk.start + chunk.rows);
    const compressed = compressBlocks({ rows, from, map, kvHeads, headDim, ...strides, first, end });
    return kvType === "float16" ? Float64Array.from(roundToHalf(compressed)) : compressed;
  };
  return { keys: made(keys, "K"), values: made(values, "V") };
}
