import { benchOf, type GpuBenchCase } from "../gpu-check.ts";
import { headNormGpu } from "./gpu.ts";

const sizes = [2048, 1].map((rows) => ({ rows, queryHeads: 32, kvHeads: 8, headDim: 128 }));

export const benches: readonly GpuBenchCase[] = sizes.map(({ rows, queryHeads, kvHeads, headDim }) => ({
  name: `head-norm 8B C=${rows}`,
  prepare: (traits) => {
    const own = (queryHeads + 2 * kvHeads) * headDim;
    return benchOf({
      op: headNormGpu({ queryHeads, kvHeads, headDim, extra: 0, bias: true, norm: true, eps: 1e-6 }, traits),
      run: { rows },
      buffers: {
        projected: { values: rows * own, format: "f32" },
        weight: { values: own + 2 * headDim, format: "f32" },
      },
      flops: 5 * rows * own,
      bytes: 4 * (2 * rows * own + own + 2 * headDim),
    });
  },
}));
