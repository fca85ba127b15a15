import { matrixFits, matrixSoftmaxSources, rowsOf, type MatrixTuning } from "../attention/matrix-tunings.ts";
import type { DeviceTraits, GpuOp, GpuProgram } from "../gpu-op.ts";
import { matrixDirectives } from "../matrix-directives.ts";
import type { FullAttentionRun, FullAttentionShape } from "./shape.ts";
import { chooseMatrixTuning } from "./matrix-tunings.ts";
import { attending, scoredOp } from "./scored-op.ts";

/** What d and B are multiples of. */
const SIDE = 16;

/** Whether `fullAttentionMatrix` can run the shape on the device; where not, `fullAttentionGpu` can. */
export function fitsMatrix(shape: FullAttentionShape, traits: DeviceTraits): boolean {
  const { queryHeads, kvHeads, headDim, block, scores } = shape;
  return (
    chooseMatrixTuning(headDim, traits) !== undefined && queryHeads % kvHeads === 0 && (!scores || block % SIDE === 0)
  );
}

/**
 * Causal attention of C queries over keys 0 .. start + c on matrix units, for prefill: the op of `fullAttentionGpu`.
 * Queries, times the softmax's scale, and weights are rounded to f16; sums, maxima and exponentials are f32.
 *
 * Buffers: `q` f32 [C, Hq, d], rotated; `k`, `v` halves [Hkv, T, d]; `out` f32 [C, Hq, d]; with scores also `scores`
 * f32 [C, Hkv, ceil((start + C) / B)], the largest probability of a visible key of the block over the heads of a group
 * (eq. 3), 0 where no key of the block is visible.
 *
 * Scratch, with scores: `attention-raw` f32 [Hkv, blocks, C' Hq / Hkv] and `attention-statistics` f32
 * [Hkv, C' Hq / Hkv, 2], where C' <= C is at most `largestRowsScored`.
 *
 * @throws Error when a size cannot be run on this device: see `fitsMatrix`
 */
export function fullAttentionMatrix(
  shape: FullAttentionShape,
  traits: DeviceTraits,
  tuning: MatrixTuning | undefined = chooseMatrixTuning(shape.headDim, traits),
): GpuOp<FullAttentionRun> {
  const { queryHeads, kvHeads, headDim, block, scores } = shape;
  if (queryHeads % kvHeads !== 0) throw new Error(`Hq = ${queryHeads} is no multiple of Hkv = ${kvHeads}`);
  if (scores && block % SIDE !== 0) throw new Error(`B = ${block} is no multiple of ${SIDE}`);
  if (tuning === undefined || !matrixFits(tuning, headDim, traits)) {
    throw new Error(`attention with d = ${headDim} does not fit this device's matrix units`);
  }
  return scoredOp(shape, traits, {
    program: attentionProgram(shape, traits, tuning),
    rows: rowsOf(tuning),
    params: {},
  });
}

function attentionProgram(shape: FullAttentionShape, traits: DeviceTraits, tuning: MatrixTuning): GpuProgram {
  const { headDim, block, scores } = shape;
  const { subgroups, parts, keys, ahead } = tuning;
  const { bindings, params } = attending(scores);
  return {
    name: `full-attention/matrix_softmax${scores ? "+block_maxima" : ""}`,
    sources: [
      "full-attention/matrix_whole_cache.wgsl",
      scores ? "full-attention/matrix_block_maxima.wgsl" : "attention/no_block_maxima.wgsl",
      ...matrixSoftmaxSources(traits),
    ],
    directives: matrixDirectives(traits, { shuffles: true }),
    constants: {
      HEAD_DIM: headDim,
      BLOCKS_SPLIT_TILES: scores && block % keys !== 0,
      SUBGROUPS: subgroups,
      PARTS: parts,
      KEYS: keys,
      AHEAD: ahead,
    },
    bindings,
    params,
  };
}
