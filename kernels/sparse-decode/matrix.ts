import {
  MATRIX_HEADS,
  matrixAttendConstants,
  matrixAttendFits,
  matrixAttendSources,
  type MatrixAttendTuning,
} from "../attention/matrix-decode-plan.ts";
import type { DeviceTraits, GpuOp, GpuProgram } from "../gpu-op.ts";
import { matrixDirectives } from "../matrix-directives.ts";
import { branchesOp } from "./branches-op.ts";
import type { SparseDecodeRun, SparseDecodeShape } from "./shape.ts";

export interface MatrixSparseDecodeTuning extends MatrixAttendTuning {
  /** Ring rows per workgroup, and keys of a block. */
  readonly run: number;
}

/** The tunings that are checked and timed: subgroups x keys of a tile, keys of a workgroup. */
export const matrixSparseDecodeTunings = {
  "4x64 run=64": { subgroups: 4, keys: 64, held: false, shared: false, run: 64 },
  "4x32 run=32": { subgroups: 4, keys: 32, held: false, shared: false, run: 32 },
  "2x32 run=32": { subgroups: 2, keys: 32, held: false, shared: false, run: 32 },
  "4x32 run=64": { subgroups: 4, keys: 32, held: false, shared: false, run: 64 },
  "4x64 shared run=64": { subgroups: 4, keys: 64, held: false, shared: true, run: 64 },
  "4x32 shared run=32": { subgroups: 4, keys: 32, held: false, shared: true, run: 32 },
  "2x16 run=16": { subgroups: 2, keys: 16, held: false, shared: false, run: 16 },
} as const satisfies Record<string, MatrixSparseDecodeTuning>;

/** What is taken where no tuning is asked for: the first that fits. */
const preferred: readonly MatrixSparseDecodeTuning[] = [
  matrixSparseDecodeTunings["4x64 run=64"],
  matrixSparseDecodeTunings["4x64 shared run=64"],
];

export function chooseMatrixSparseDecodeTuning(
  headDim: number,
  traits: DeviceTraits,
): MatrixSparseDecodeTuning | undefined {
  return preferred.find((tuning) => matrixAttendFits(tuning, headDim, traits));
}

/** Whether `sparseDecodeMatrix` can run the shape on the device; where not, `sparseDecodeGpu` can. */
export function fitsMatrixSparseDecode(
  { queryHeads, kvHeads, headDim }: SparseDecodeShape,
  traits: DeviceTraits,
): boolean {
  return chooseMatrixSparseDecodeTuning(headDim, traits) !== undefined && queryHeads % kvHeads === 0;
}

/**
 * Both branches of a sparse layer for one query position, before the gates, on matrix units: the op of `sparseDecodeGpu`,
 * with the same buffers. Queries, times the softmax's scale, and weights are rounded to f16; sums, maxima and exponentials
 * are f32.
 *
 * Buffers: q f32 [Hq, d]; ringK, ringV 16-bit [Hkv, w, d], the token's own rows included; windowSinks f32 [Hq], minus
 * infinity for none; outWindow f32 [Hq, d]. With `sparse` also k, v 16-bit [Hkv, room, d] of the oracle; blocks u32
 * [any, Hkv, k / B]; sparseSinks f32 [Hq]; outSparse f32 [Hq, d].
 * @throws Error when a size cannot be run on this device: see `fitsMatrixSparseDecode`
 */
export function sparseDecodeMatrix(
  shape: SparseDecodeShape,
  traits: DeviceTraits,
  tuning: MatrixSparseDecodeTuning | undefined = chooseMatrixSparseDecodeTuning(shape.headDim, traits),
): GpuOp<SparseDecodeRun> {
  const { queryHeads, kvHeads, headDim, block, slots, window, sparse } = shape;
  if (queryHeads % kvHeads !== 0) throw new Error(`Hq = ${queryHeads} is no multiple of Hkv = ${kvHeads}`);
  if (tuning === undefined || !matrixAttendFits(tuning, headDim, traits)) {
    throw new Error(`sparse decode with d = ${headDim} does not fit this device's matrix units`);
  }
  const group = queryHeads / kvHeads;
  const { run } = tuning;
  const blockParts = Math.ceil(block / run);
  const sparseJobs = sparse ? slots * blockParts : 0;
  const jobs = sparseJobs + Math.ceil(window / run);
  const scratch = { partial: "read_write", sums: "read_write" } as const;
  const ring = { ring_k: "read", ring_v: "read" } as const;
  const branch = sparse ? "both_branches" : "window_branch";

  const branches: GpuProgram = {
    name: `sparse-decode/matrix_${branch}`,
    sources: [
      `sparse-decode/matrix_${branch}.wgsl`,
      ...matrixAttendSources(traits),
      "attention/matrix_attend_staged.wgsl",
      "attention/no_block_maxima.wgsl",
    ],
    directives: matrixDirectives(traits, { shuffles: true }),
    constants: {
      ...matrixAttendConstants(tuning, group, headDim),
      JOBS: jobs,
      WINDOW_RUN: run,
      ...(sparse ? { SLOTS: slots, KV_HEADS: kvHeads, BLOCK: block, BLOCK_PARTS: blockParts, BLOCK_RUN: run } : {}),
    },
    bindings: sparse
      ? { q: "read", k: "read", v: "read", ...ring, blocks: "read", ...scratch }
      : { q: "read", ...ring, ...scratch },
    params: { keys: "u32", ring: "u32", ...(sparse ? ({ room: "u32", selection_row: "u32" } as const) : {}) },
  };
  return branchesOp(shape, { program: branches, jobs, sparseJobs, chunks: Math.ceil(group / MATRIX_HEADS) });
}
