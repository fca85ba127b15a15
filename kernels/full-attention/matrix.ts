import { spreadWorkgroups, type DeviceTraits, type GpuDispatch, type GpuOp, type GpuProgram } from "../gpu-op.ts";
import type { FullAttentionRun, FullAttentionShape } from "./gpu.ts";
import { chooseMatrixTuning, matrixFits, rowsOf, type MatrixTuning } from "./matrix-tunings.ts";

/** Raw block maxima take no more than this; a call that would need more is run as several over fewer queries. */
const RAW_BYTES = 2 ** 30;
/** Queries and blocks that a workgroup of rescale_maxima.wgsl takes. */
const RESCALED = 16;
/** What d and B are multiples of. */
const SIDE = 16;
const FLOAT = 4;
const SCRATCH = { raw: "attention-raw", statistics: "attention-statistics" } as const;

/** Whether `fullAttentionMatrix` can run the shape on the device; where not, `fullAttentionGpu` can. */
export function fitsMatrix(shape: FullAttentionShape, traits: DeviceTraits): boolean {
  const { queryHeads, kvHeads, headDim, block, scores } = shape;
  return (
    chooseMatrixTuning(headDim, traits) !== undefined && queryHeads % kvHeads === 0 && (!scores || block % SIDE === 0)
  );
}

/**
 * The most queries whose raw block maxima over `tokens` keys fit the scratch at once, at least 1; a call of more is run
 * in portions of equal size.
 */
export function largestRowsScored(shape: FullAttentionShape, tokens: number, traits: DeviceTraits): number {
  const perQuery = shape.queryHeads * Math.ceil(tokens / shape.block) * FLOAT;
  return Math.max(1, Math.floor(Math.min(RAW_BYTES, traits.maxBindingBytes) / perQuery));
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
  const group = queryHeads / kvHeads;
  const attention = attentionProgram(shape, traits, tuning);
  const rescale: GpuProgram = {
    name: "full-attention/rescale_maxima",
    sources: ["full-attention/rescale_maxima.wgsl"],
    constants: {},
    bindings: { raw: "read", statistics: "read", scores: "read_write" },
    params: {
      first: "u32",
      rows: "u32",
      start: "u32",
      stride: "u32",
      kv_heads: "u32",
      group: "u32",
      blocks: "u32",
      block: "u32",
    },
  };
  /** Queries per dispatch. */
  const portion = ({ rows, start }: FullAttentionRun): number =>
    scores ? Math.ceil(rows / Math.ceil(rows / largestRowsScored(shape, start + rows, traits))) : rows;
  return {
    programs: scores ? [attention, rescale] : [attention],
    scratch: (run) => {
      if (!scores) return {};
      const rows = portion(run) * queryHeads;
      return {
        [SCRATCH.raw]: rows * Math.ceil((run.start + run.rows) / block) * FLOAT,
        [SCRATCH.statistics]: rows * 2 * FLOAT,
      };
    },
    dispatches: (run) => {
      const blocks = Math.ceil((run.start + run.rows) / block);
      const most = portion(run);
      const dispatches: GpuDispatch[] = [];
      for (let first = 0; first < run.rows; first += most) {
        const rows = Math.min(most, run.rows - first);
        const start = run.start + first;
        const tiles = spreadWorkgroups(Math.ceil((rows * group) / rowsOf(tuning)) * kvHeads, traits);
        const common = { first, rows, start, kv_heads: kvHeads, group, blocks, block };
        dispatches.push({
          program: attention,
          buffers: { q: "q", k: "k", v: "v", out: "out", ...(scores ? SCRATCH : {}) },
          params: { ...common, room: run.room, stride: tiles[0], scale: Math.LOG2E / Math.sqrt(headDim) },
          workgroups: tiles,
        });
        if (!scores) continue;
        const turned = spreadWorkgroups(Math.ceil(blocks / RESCALED) * Math.ceil(rows / RESCALED) * kvHeads, traits);
        dispatches.push({
          program: rescale,
          buffers: { ...SCRATCH, scores: "scores" },
          params: { ...common, stride: turned[0] },
          workgroups: turned,
        });
      }
      return dispatches;
    },
  };
}

function attentionProgram(shape: FullAttentionShape, traits: DeviceTraits, tuning: MatrixTuning): GpuProgram {
  const { headDim, block, scores } = shape;
  const { subgroups, parts, keys, ahead } = tuning;
  return {
    name: `full-attention/matrix_softmax${scores ? "+block_maxima" : ""}`,
    sources: [
      "full-attention/matrix_softmax.wgsl",
      "full-attention/matrix_columns.wgsl",
      scores ? "full-attention/matrix_block_maxima.wgsl" : "full-attention/matrix_no_block_maxima.wgsl",
      `full-attention/matrix_tiles_${traits.matrix}.wgsl`,
    ],
    directives:
      traits.matrix === "units"
        ? [
            "enable subgroups;",
            "enable chromium_experimental_subgroup_matrix;",
            "diagnostic(off, chromium.subgroup_matrix_uniformity);",
          ]
        : [],
    constants: {
      HEAD_DIM: headDim,
      BLOCKS_SPLIT_TILES: scores && block % keys !== 0,
      SUBGROUPS: subgroups,
      PARTS: parts,
      KEYS: keys,
      AHEAD: ahead,
    },
    bindings: {
      q: "read",
      k: "read",
      v: "read",
      out: "read_write",
      ...(scores ? ({ raw: "read_write", statistics: "read_write" } as const) : {}),
    },
    params: {
      first: "u32",
      rows: "u32",
      start: "u32",
      room: "u32",
      stride: "u32",
      kv_heads: "u32",
      group: "u32",
      blocks: "u32",
      block: "u32",
      scale: "f32",
    },
  };
}
