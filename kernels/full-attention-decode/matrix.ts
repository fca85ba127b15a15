import { boundByName, type DeviceTraits, type GpuOp, type GpuProgram } from "../gpu-op.ts";
import { matrixDirectives } from "../matrix-directives.ts";
import { merging } from "./merging.ts";
import type { FullDecodeRun, FullDecodeShape } from "./gpu.ts";
import {
  MATRIX_HEADS,
  matrixAttendConstants,
  matrixAttendFits,
  matrixAttendSources,
  type MatrixAttendTuning,
} from "../attention/matrix-decode-plan.ts";

export interface MatrixDecodeTuning extends MatrixAttendTuning {
  /** Keys and values as operands straight from the cache, rather than by way of workgroup memory. */
  readonly straight: boolean;
  /** Workgroups wanted: the keys are split so. A split is whole tiles and whole blocks. */
  readonly workgroups: number;
}

/** The tunings that are checked and timed: what is staged, and workgroups wanted. */
export const matrixDecodeTunings = {
  "4x64 groups=1056": { subgroups: 4, keys: 64, held: false, shared: false, straight: false, workgroups: 1056 },
  "4x64 groups=528": { subgroups: 4, keys: 64, held: false, shared: false, straight: false, workgroups: 528 },
  "4x64 groups=2112": { subgroups: 4, keys: 64, held: false, shared: false, straight: false, workgroups: 2112 },
  "4x64 held": { subgroups: 4, keys: 64, held: true, shared: false, straight: false, workgroups: 1056 },
  "4x32": { subgroups: 4, keys: 32, held: false, shared: false, straight: false, workgroups: 2112 },
  "2x32": { subgroups: 2, keys: 32, held: false, shared: false, straight: false, workgroups: 2112 },
  "4x64 straight": { subgroups: 4, keys: 64, held: false, shared: false, straight: true, workgroups: 1056 },
  "4x64 shared groups=528": { subgroups: 4, keys: 64, held: false, shared: true, straight: false, workgroups: 528 },
  "2x32 straight": { subgroups: 2, keys: 32, held: false, shared: false, straight: true, workgroups: 2112 },
} as const satisfies Record<string, MatrixDecodeTuning>;

/** What is taken where no tuning is asked for: the first that fits, for heads of more than 64 and for smaller ones. */
const preferred = {
  large: [matrixDecodeTunings["4x64 groups=528"], matrixDecodeTunings["4x64 shared groups=528"]],
  small: [matrixDecodeTunings["4x64 shared groups=528"]],
} as const;

/** What B is a multiple of where scores are wanted, and d. */
const SIDE = 16;
/** Tiles of keys and of values that a subgroup holds where it takes them straight from the cache. */
const MOST_STRAIGHT = 8;

/** Whether a tuning can run heads of this size on the device. */
export function matrixDecodeTuningFits(tuning: MatrixDecodeTuning, headDim: number, traits: DeviceTraits): boolean {
  const { subgroups, keys, straight } = tuning;
  const columns = Math.ceil(headDim / SIDE / subgroups);
  return (
    matrixAttendFits(tuning, headDim, traits) &&
    (!straight || (keys === SIDE * subgroups && (keys / SIDE) * columns <= MOST_STRAIGHT))
  );
}

export function chooseMatrixDecodeTuning(headDim: number, traits: DeviceTraits): MatrixDecodeTuning | undefined {
  return preferred[headDim > 64 ? "large" : "small"].find((tuning) => matrixDecodeTuningFits(tuning, headDim, traits));
}

/** Whether `fullDecodeMatrix` can run the shape on the device; where not, `fullDecodeGpu` can. */
export function fitsMatrixDecode(
  { queryHeads, kvHeads, headDim, block, scores }: FullDecodeShape,
  traits: DeviceTraits,
): boolean {
  return (
    chooseMatrixDecodeTuning(headDim, traits) !== undefined &&
    queryHeads % kvHeads === 0 &&
    (!scores || block % SIDE === 0)
  );
}

/**
 * Full attention of one query position on matrix units: the op of `fullDecodeGpu`, with the same buffers. Queries, times
 * the softmax's scale, and weights are rounded to f16; sums, maxima and exponentials are f32.
 *
 * Buffers: q f32 [Hq, d], k and v 16-bit [Hkv, room, d], out f32 [Hq, d]; with scores also scores f32 [Hkv, blocks],
 * blocks = ceil((t + 1) / B), the largest S of a KV head's query heads.
 * @throws Error when a size cannot be run on this device: see `fitsMatrixDecode`
 */
export function fullDecodeMatrix(
  { queryHeads, kvHeads, headDim, block, scores }: FullDecodeShape,
  traits: DeviceTraits,
  tuning: MatrixDecodeTuning | undefined = chooseMatrixDecodeTuning(headDim, traits),
): GpuOp<FullDecodeRun> {
  if (queryHeads % kvHeads !== 0) throw new Error(`Hq = ${queryHeads} is no multiple of Hkv = ${kvHeads}`);
  if (scores && block % SIDE !== 0) throw new Error(`B = ${block} is no multiple of ${SIDE}`);
  if (tuning === undefined || !matrixDecodeTuningFits(tuning, headDim, traits)) {
    throw new Error(`decode attention with d = ${headDim} does not fit this device's matrix units`);
  }
  const group = queryHeads / kvHeads;
  const chunks = Math.ceil(group / MATRIX_HEADS);
  const unit = scores ? leastCommonMultiple(block, tuning.keys) : tuning.keys;
  const wanted = Math.max(1, Math.floor(tuning.workgroups / (kvHeads * chunks)));

  const split: GpuProgram = {
    name: "full-attention-decode/matrix_split_kv",
    sources: [
      "full-attention-decode/matrix_split_kv.wgsl",
      ...matrixAttendSources(traits),
      ...(tuning.straight
        ? ["full-attention-decode/matrix_straight.wgsl", `full-attention-decode/matrix_straight_${traits.matrix}.wgsl`]
        : ["attention/matrix_attend_staged.wgsl"]),
      scores ? "full-attention-decode/matrix_with_block_maxima.wgsl" : "attention/no_block_maxima.wgsl",
    ],
    directives: matrixDirectives(traits, { shuffles: true }),
    constants: { ...matrixAttendConstants(tuning, group, headDim), ...(scores ? { BLOCK: block } : {}) },
    bindings: {
      q: "read",
      k: "read",
      v: "read",
      partial: "read_write",
      sums: "read_write",
      ...(scores ? { maxima: "read_write" as const } : {}),
    },
    params: { keys: "u32", room: "u32", splits: "u32", each: "u32" },
  };
  const merged = merging({ queryHeads, kvHeads, headDim, scores }, 1);

  const sizes = ({ position }: FullDecodeRun): { keys: number; blocks: number; each: number; splits: number } => {
    const keys = position + 1;
    const each = Math.ceil(Math.ceil(keys / unit) / wanted) * unit;
    return { keys, blocks: Math.ceil(keys / block), each, splits: Math.ceil(keys / each) };
  };

  return {
    programs: [split, ...merged.programs],
    scratch: (run) => {
      const { blocks, splits } = sizes(run);
      return {
        partial: splits * queryHeads * headDim * 4,
        sums: splits * queryHeads * 8,
        ...(scores ? { maxima: queryHeads * blocks * 4 } : {}),
      };
    },
    dispatches: (run) => {
      const { keys, blocks, each, splits } = sizes(run);
      return [
        {
          program: split,
          buffers: boundByName(split),
          params: { keys, room: run.room, splits, each },
          workgroups: [splits, kvHeads, chunks],
        },
        ...merged.dispatches({ splits, blocks, parts: blocks }),
      ];
    },
  };
}

function leastCommonMultiple(a: number, b: number): number {
  let [divisor, rest] = [a, b];
  while (rest !== 0) [divisor, rest] = [rest, divisor % rest];
  return (a / divisor) * b;
}
