import { fullDecodeGpu, type FullDecodeRun, type FullDecodeShape } from "../../../kernels/full-attention-decode/gpu.ts";
import { fitsMatrixDecode, fullDecodeMatrix } from "../../../kernels/full-attention-decode/matrix.ts";
import { sparseDecodeGpu } from "../../../kernels/sparse-decode/gpu.ts";
import type { SparseDecodeRun, SparseDecodeShape } from "../../../kernels/sparse-decode/shape.ts";
import { fitsMatrixSparseDecode, sparseDecodeMatrix } from "../../../kernels/sparse-decode/matrix.ts";
import {
  blockDispatchGpu,
  blockSparseGpu,
  largestRows,
  planBytes,
  type BlockSparseCall,
} from "../../../kernels/block-sparse-attention/gpu.ts";
import {
  blockSparseMatrix,
  fitsMatrixSparse,
  matrixPlanTuning,
} from "../../../kernels/block-sparse-attention/matrix.ts";
import type { BlockSparseRun, BlockSparseShape } from "../../../kernels/block-sparse-attention/tuning.ts";
import { fullAttentionGpu } from "../../../kernels/full-attention/gpu.ts";
import { fitsMatrix, fullAttentionMatrix } from "../../../kernels/full-attention/matrix.ts";
import type { FullAttentionRun, FullAttentionShape } from "../../../kernels/full-attention/shape.ts";
import type { DeviceTraits, GpuOp } from "../../../kernels/gpu-op.ts";
import { linearGpu, type LinearRun, type LinearShape } from "../../../kernels/linear/gpu.ts";
import { fitsMatrixLinear, linearMatrix, worthMatrix } from "../../../kernels/linear/matrix.ts";
import {
  slidingWindowGpu,
  type SlidingWindowRun,
  type SlidingWindowShape,
} from "../../../kernels/sliding-window/gpu.ts";
import { fitsMatrixWindow, slidingWindowMatrix } from "../../../kernels/sliding-window/matrix.ts";

/**
 * The form of each op for a device, in one place: on its matrix units where it has them and they fit the shape, else the
 * portable one. Both have the same buffers and runs.
 */

export function linearOp(shape: LinearShape, traits: DeviceTraits): GpuOp<LinearRun> {
  const portable = linearGpu(shape, traits);
  if (traits.matrix === "none" || !fitsMatrixLinear(shape, traits)) return portable;
  const units = linearMatrix(shape, traits);
  const formOf = ({ rows }: LinearRun): GpuOp<LinearRun> => (worthMatrix(shape, rows) ? units : portable);
  return {
    programs: [...portable.programs, ...units.programs],
    scratch: (run) => formOf(run).scratch(run),
    dispatches: (run) => formOf(run).dispatches(run),
  };
}

export function fullAttentionOp(shape: FullAttentionShape, traits: DeviceTraits): GpuOp<FullAttentionRun> {
  return traits.matrix !== "none" && fitsMatrix(shape, traits)
    ? fullAttentionMatrix(shape, traits)
    : fullAttentionGpu(shape, traits);
}

export function slidingWindowOp(shape: SlidingWindowShape, traits: DeviceTraits): GpuOp<SlidingWindowRun> {
  return fitsMatrixWindow(shape.headDim, traits) ? slidingWindowMatrix(shape, traits) : slidingWindowGpu(shape, traits);
}

export function fullDecodeOp(shape: FullDecodeShape, traits: DeviceTraits): GpuOp<FullDecodeRun> {
  return traits.matrix !== "none" && fitsMatrixDecode(shape, traits)
    ? fullDecodeMatrix(shape, traits)
    : fullDecodeGpu(shape, traits);
}

export function sparseDecodeOp(shape: SparseDecodeShape, traits: DeviceTraits): GpuOp<SparseDecodeRun> {
  return traits.matrix !== "none" && fitsMatrixSparseDecode(shape, traits)
    ? sparseDecodeMatrix(shape, traits)
    : sparseDecodeGpu(shape, traits);
}

/** The block-sparse op with the plan that it reads, which must be cut alike. */
export interface BlockSparseForms {
  readonly plan: GpuOp<BlockSparseRun>;
  readonly sparse: GpuOp<BlockSparseCall>;
  /** Bytes of the plan's buffers. */
  readonly planBytes: (run: Pick<BlockSparseRun, "rows" | "start">) => Readonly<Record<string, number>>;
  /** The most queries that one call can take. */
  readonly largestRows: number;
}

export function blockSparseOps(shape: BlockSparseShape, traits: DeviceTraits): BlockSparseForms {
  const units = traits.matrix !== "none" && fitsMatrixSparse(shape, traits);
  const tuning = units ? matrixPlanTuning(shape, traits) : undefined;
  return {
    plan: blockDispatchGpu(shape, traits, tuning),
    sparse: units ? blockSparseMatrix(shape, traits) : blockSparseGpu(shape, traits),
    planBytes: (run) => ({ ...planBytes(shape, run, traits, tuning) }),
    largestRows: largestRows(shape, traits, tuning),
  };
}
