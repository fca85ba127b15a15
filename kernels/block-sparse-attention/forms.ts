import { bestForm, type GpuForm } from "../gpu-form.ts";
import type { DeviceTraits, GpuOp } from "../gpu-op.ts";
import { blockDispatchGpu, blockSparseGpu, largestRows, planBytes, type BlockSparseCall } from "./gpu.ts";
import {
  blockSparseMatrix,
  fitsMatrixSparse,
  matrixComplaint,
  matrixPlanTuning,
  type MatrixSparseTuning,
} from "./matrix.ts";
import { tileComplaint, type BlockSparseRun, type BlockSparseShape, type BlockSparseTuning } from "./tuning.ts";

/** A form of the op with the plan that it reads, which must be cut alike. */
export interface BlockSparseForm<Tuning = unknown> extends GpuForm<BlockSparseShape, BlockSparseCall, Tuning> {
  /** What blockDispatchGpu, planBytes and largestRows must be given; undefined for the device's own choice. */
  planTuning(shape: BlockSparseShape, traits: DeviceTraits, tuning?: Tuning): BlockSparseTuning | undefined;
}

export const portable: BlockSparseForm<BlockSparseTuning> = {
  id: "portable",
  fits: (shape, traits, tuning) => tileComplaint(shape, traits, tuning) === undefined,
  make: blockSparseGpu,
  planTuning: (_shape, _traits, tuning) => tuning,
};

export const matrix: BlockSparseForm<MatrixSparseTuning> = {
  id: "matrix",
  fits: (shape, traits, tuning) =>
    tuning === undefined ? fitsMatrixSparse(shape, traits) : matrixComplaint(shape, traits, tuning) === undefined,
  make: blockSparseMatrix,
  planTuning: matrixPlanTuning,
};

export const forms: readonly BlockSparseForm[] = [matrix, portable];

/** The op in the best form for a device, and its plan. */
export interface PlannedBlockSparse {
  readonly plan: GpuOp<BlockSparseRun>;
  readonly sparse: GpuOp<BlockSparseCall>;
  /** Bytes of the plan's buffers. */
  readonly planBytes: (run: Pick<BlockSparseRun, "rows" | "start">) => Readonly<Record<string, number>>;
  /** The most queries that one call can take. */
  readonly largestRows: number;
}

export function plannedBlockSparse(shape: BlockSparseShape, traits: DeviceTraits): PlannedBlockSparse {
  const form = bestForm(forms, shape, traits);
  const tuning = form.planTuning(shape, traits);
  return {
    plan: blockDispatchGpu(shape, traits, tuning),
    sparse: form.make(shape, traits),
    planBytes: (run) => ({ ...planBytes(shape, run, traits, tuning) }),
    largestRows: largestRows(shape, traits, tuning),
  };
}
