import type { GpuForm } from "../gpu-form.ts";
import { matrixAttendFits } from "../attention/matrix-decode-plan.ts";
import { sparseDecodeGpu, type SparseDecodeTuning } from "./gpu.ts";
import { fitsMatrixSparseDecode, sparseDecodeMatrix, type MatrixSparseDecodeTuning } from "./matrix.ts";
import type { SparseDecodeRun, SparseDecodeShape } from "./shape.ts";

export const portable: GpuForm<SparseDecodeShape, SparseDecodeRun, SparseDecodeTuning> = {
  id: "portable",
  fits: ({ headDim }) => headDim % 4 === 0,
  make: sparseDecodeGpu,
};

export const matrix: GpuForm<SparseDecodeShape, SparseDecodeRun, MatrixSparseDecodeTuning> = {
  id: "matrix",
  fits: (shape, traits, tuning) =>
    fitsMatrixSparseDecode(shape, traits) && (tuning === undefined || matrixAttendFits(tuning, shape.headDim, traits)),
  make: sparseDecodeMatrix,
};

export const forms: readonly GpuForm<SparseDecodeShape, SparseDecodeRun>[] = [matrix, portable];
