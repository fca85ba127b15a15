import type { GpuForm } from "../gpu-form.ts";
import { linearGpu, type LinearRun, type LinearShape, type LinearTuning } from "./gpu.ts";
import { fitsMatrixLinear, linearMatrix, worthMatrix } from "./matrix.ts";
import { matrixTileFits, type MatrixTuning } from "./matrix-tunings.ts";
import { matrixFits } from "./tunings.ts";

export const portable: GpuForm<LinearShape, LinearRun, LinearTuning> = {
  id: "portable",
  fits: ({ inputs }, traits, { matrix } = {}) =>
    inputs % 4 === 0 && (matrix === undefined || matrixFits(matrix, traits)),
  make: linearGpu,
};

export const matrix: GpuForm<LinearShape, LinearRun, MatrixTuning> = {
  id: "matrix",
  fits: (shape, traits, tuning) =>
    fitsMatrixLinear(shape, traits) && (tuning === undefined || matrixTileFits(tuning.tile, traits)),
  takes: (shape, { rows }) => worthMatrix(shape, rows),
  make: linearMatrix,
};

export const forms: readonly GpuForm<LinearShape, LinearRun>[] = [matrix, portable];
