import { checkOf, type GpuCheck } from "../gpu-check.ts";
import { cases } from "./cases.ts";
import { headNormGpu } from "./gpu.ts";
import { headNorm } from "./reference.ts";

/** f32 sums in another order than the reference's. */
const TOLERANCE = 1e-6;

export const checks: readonly GpuCheck[] = cases.map(({ name, inputs }) => ({
  name,
  prepare: (seed, traits) => {
    const input = inputs(seed);
    const { projected, rows, queryHeads, kvHeads, headDim, bias, norm, eps } = input;
    const extra = projected.length / rows - (queryHeads + 2 * kvHeads) * headDim;
    const shape = { queryHeads, kvHeads, headDim, extra, bias: bias !== undefined, norm: norm !== undefined, eps };
    return checkOf({
      op: headNormGpu(shape, traits),
      run: { rows },
      buffers: {
        projected: Float32Array.from(projected),
        weight: Float32Array.from([...(bias ?? []), ...(norm ?? [])]),
      },
      expected: { projected: { format: "f32", values: headNorm(input), tolerance: TOLERANCE, per: headDim } },
    });
  },
}));
