import { checkOf, type GpuCheck } from "../gpu-check.ts";
import { packHalves, roundToHalf } from "../half.ts";
import { linear } from "../linear/reference.ts";
import { Random } from "../random.ts";
import { MATRIX_PEAK, matrixPeakGpu } from "./matrix-peak.ts";

const { side, operands: count, subgroups } = MATRIX_PEAK;
const MATRIX = side * side;

/** The sums after some rounds are so many times the products: those that `flops` claims. */
const peak = (workgroups: number, rounds: number): GpuCheck => ({
  name: `matrix peak workgroups=${workgroups} rounds=${rounds}`,
  prepare: (seed, traits) => {
    if (traits.matrix !== "units") return { skip: "no matrix units" };
    const operands = new Random(seed).normals(2 * count * MATRIX);
    const kept = roundToHalf(operands);
    const matrix = (i: number): Float32Array => kept.subarray(i * MATRIX, (i + 1) * MATRIX);
    const products: number[] = [];
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < count; j++) {
        for (const value of linear({ x: matrix(i), weight: matrix(count + j), inputs: side })) {
          products.push(rounds * value);
        }
      }
    }
    const values = Array.from({ length: workgroups * subgroups }, () => products).flat();
    const { op, run } = matrixPeakGpu(traits, { workgroups, rounds });
    return checkOf({
      op,
      run,
      buffers: { operands: packHalves(operands), sums: { bytes: values.length * 4 } },
      expected: { sums: { format: "f32", values, tolerance: 1e-5, per: MATRIX } },
    });
  },
});

export const checks: readonly GpuCheck[] = [peak(1, 1), peak(3, 7)];
