import type { GpuForm } from "../gpu-form.ts";
import type { MatrixTuning } from "../attention/matrix-tunings.ts";
import {
  slidingWindowFits,
  slidingWindowGpu,
  type SlidingWindowRun,
  type SlidingWindowShape,
  type SlidingWindowTuning,
} from "./gpu.ts";
import { fitsMatrixWindow, slidingWindowMatrix } from "./matrix.ts";

export const portable: GpuForm<SlidingWindowShape, SlidingWindowRun, SlidingWindowTuning> = {
  id: "portable",
  fits: ({ headDim }, traits, tuning) =>
    headDim % 4 === 0 && (tuning === undefined || slidingWindowFits(headDim, tuning, traits)),
  make: slidingWindowGpu,
};

export const matrix: GpuForm<SlidingWindowShape, SlidingWindowRun, MatrixTuning> = {
  id: "matrix",
  fits: ({ headDim }, traits, tuning) => fitsMatrixWindow(headDim, traits, tuning),
  make: slidingWindowMatrix,
};

export const forms: readonly GpuForm<SlidingWindowShape, SlidingWindowRun>[] = [matrix, portable];
