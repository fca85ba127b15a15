import type { DeviceTraits, GpuOp, GpuProgram } from "../gpu-op.ts";
import { chooseTuning, fits, workgroupBytes, type FullAttentionTuning } from "./gpu-tunings.ts";
import { attending, scoredOp } from "./scored-op.ts";
import type { FullAttentionRun, FullAttentionShape } from "./shape.ts";

/** Sums of 32 bits need no chunks: a size for the inner loops. */
const UNPACKED_CHUNK = 16;
const MAX_HEAD_DIM = 256;

/**
 * Causal attention of C queries over keys 0 .. start + c, for prefill.
 *
 * Buffers: `q` f32 [C, Hq, d], rotated; `k`, `v` halves [Hkv, T, d]; `out` f32 [C, Hq, d]; with scores also `scores` f32
 * [C, Hkv, ceil((start + C) / B)], the largest probability of a visible key of the block over the group's heads (eq. 3),
 * 0 where no key of the block is visible.
 *
 * Scratch, with scores: `attention-raw` f32 [Hkv, blocks, C' Hq / Hkv] and `attention-statistics` f32
 * [Hkv, C' Hq / Hkv, 2], where C' <= C is at most `largestRowsScored`.
 *
 * @throws Error when a size cannot be run on this device
 */
export function fullAttentionGpu(
  shape: FullAttentionShape,
  traits: DeviceTraits,
  tuning: FullAttentionTuning = chooseTuning(shape.headDim, traits),
): GpuOp<FullAttentionRun> {
  const { queryHeads, kvHeads, headDim, block, scores } = shape;
  if (headDim % 4 !== 0 || headDim > MAX_HEAD_DIM) {
    throw new Error(`d = ${headDim} is no multiple of 4 up to ${MAX_HEAD_DIM}`);
  }
  if (queryHeads % kvHeads !== 0) throw new Error(`Hq = ${queryHeads} is no multiple of Hkv = ${kvHeads}`);
  if (!fits(tuning, headDim, traits)) {
    const bytes = workgroupBytes(tuning, headDim, traits.arithmetic);
    throw new Error(`${tuning.threads} invocations with ${bytes} bytes of workgroup storage do not fit this device`);
  }
  return scoredOp(shape, traits, {
    program: attentionProgram(shape, traits, tuning),
    rows: tuning.rows,
    params: spans(scores ? block : tuning.keys, tuning.keys),
  });
}

function attentionProgram(shape: FullAttentionShape, traits: DeviceTraits, tuning: FullAttentionTuning): GpuProgram {
  const { headDim, scores } = shape;
  const { rows, keys, rowsPerThread, threads, shared, prefetch, pad } = tuning;
  const vectors = headDim / 4;
  const packed = traits.arithmetic === "f16" ? tuning.packed : "none";
  const chunk = packed === "none" ? UNPACKED_CHUNK : tuning.chunk;
  const { bindings, params } = attending(scores);
  return {
    name: `full-attention/online_softmax${scores ? "+block_maxima" : ""}`,
    sources: [
      "full-attention/online_softmax.wgsl",
      scores ? "full-attention/block_maxima.wgsl" : "attention/no_block_maxima.wgsl",
    ],
    constants: {
      HEAD_DIM: headDim,
      ROWS: rows,
      KEYS: keys,
      ROWS_PER_THREAD: rowsPerThread,
      THREADS: threads,
      // Two sums run side by side, each of two products per vector.
      QK_STEPS: divisorUpTo(vectors, Math.max(1, chunk / 2)),
      PV_STEPS: divisorUpTo(keys / 4, Math.max(1, chunk / 4)),
      PACK_KEYS: packed === "all",
      PACK_VALUES: packed !== "none",
      SHARED: shared,
      PREFETCH: prefetch,
      PAD: pad,
    },
    bindings,
    params: { ...params, span: "u32", tiles_per_span: "u32" },
  };
}

/** How key tiles lie in blocks: whole blocks to a tile where B is a multiple of 4, else a block to one or more tiles. */
function spans(block: number, keys: number): { readonly span: number; readonly tiles_per_span: number } {
  if (block > keys) return { span: block, tiles_per_span: Math.ceil(block / keys) };
  return { span: block % 4 === 0 ? keys - (keys % block) : block, tiles_per_span: 1 };
}

function divisorUpTo(value: number, most: number): number {
  let divisor = Math.min(value, Math.floor(most));
  while (value % divisor !== 0) divisor--;
  return divisor;
}
