import type { GpuForm } from "../gpu-form.ts";
import { matrixFits, type MatrixTuning } from "../attention/matrix-tunings.ts";
import { fullAttentionGpu } from "./gpu.ts";
import { fits, type FullAttentionTuning } from "./gpu-tunings.ts";
import { fitsMatrix, fullAttentionMatrix } from "./matrix.ts";
import type { FullAttentionRun, FullAttentionShape } from "./shape.ts";

export const portable: GpuForm<FullAttentionShape, FullAttentionRun, FullAttentionTuning> = {
  id: "portable",
  fits: ({ headDim }, traits, tuning) => headDim % 4 === 0 && (tuning === undefined || fits(tuning, headDim, traits)),
  make: fullAttentionGpu,
};

export const matrix: GpuForm<FullAttentionShape, FullAttentionRun, MatrixTuning> = {
  id: "matrix",
  fits: (shape, traits, tuning) =>
    fitsMatrix(shape, traits) && (tuning === undefined || matrixFits(tuning, shape.headDim, traits)),
  make: fullAttentionMatrix,
};

export const forms: readonly GpuForm<FullAttentionShape, FullAttentionRun>[] = [matrix, portable];
