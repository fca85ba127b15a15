import type { GpuForm } from "../gpu-form.ts";
import { fullDecodeGpu, type FullDecodeRun, type FullDecodeShape, type FullDecodeTuning } from "./gpu.ts";
import { fitsMatrixDecode, fullDecodeMatrix, matrixDecodeTuningFits, type MatrixDecodeTuning } from "./matrix.ts";

export const portable: GpuForm<FullDecodeShape, FullDecodeRun, FullDecodeTuning> = {
  id: "portable",
  fits: ({ headDim }) => headDim % 4 === 0,
  make: fullDecodeGpu,
};

export const matrix: GpuForm<FullDecodeShape, FullDecodeRun, MatrixDecodeTuning> = {
  id: "matrix",
  fits: (shape, traits, tuning) =>
    fitsMatrixDecode(shape, traits) && (tuning === undefined || matrixDecodeTuningFits(tuning, shape.headDim, traits)),
  make: fullDecodeMatrix,
};

export const forms: readonly GpuForm<FullDecodeShape, FullDecodeRun>[] = [matrix, portable];
