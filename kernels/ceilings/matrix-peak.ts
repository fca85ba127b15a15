import { matrixDirectives } from "../matrix-directives.ts";
import type { DeviceTraits, GpuProgram } from "../gpu-op.ts";
import type { Ceiling } from "./gpu.ts";

export interface MatrixPeakRun {
  readonly workgroups: number;
  readonly rounds: number;
}

/** Side of a matrix, matrices of each operand, and subgroups of a workgroup of matrix_peak_units.wgsl. */
export const MATRIX_PEAK = { side: 16, operands: 4, subgroups: 4 } as const;

const SUBGROUP = 32;
const WORD = 4;

/** Products of f16 matrices with f32 sums in registers. Buffers: operands halves, sums f32: see the shader's head. */
export function matrixPeakGpu(
  traits: DeviceTraits,
  run: MatrixPeakRun = { workgroups: 1056, rounds: 4096 },
): Ceiling<MatrixPeakRun> {
  if (traits.matrix !== "units") throw new Error("the device has no matrix units");
  const { side, operands, subgroups } = MATRIX_PEAK;
  const program: GpuProgram = {
    name: "ceilings/matrix_peak",
    directives: matrixDirectives(traits),
    sources: ["ceilings/matrix_peak_units.wgsl"],
    constants: { WIDTH: subgroups * SUBGROUP },
    bindings: { operands: "read", sums: "read_write" },
    params: { rounds: "u32" },
  };
  const products = run.workgroups * subgroups * operands ** 2;
  const sums = products * side ** 2;
  return {
    op: {
      programs: [program],
      scratch: () => ({}),
      dispatches: ({ workgroups, rounds }) => [
        {
          program,
          buffers: { operands: "operands", sums: "sums" },
          params: { rounds },
          workgroups: [workgroups, 1, 1],
        },
      ],
    },
    run,
    buffers: {
      operands: { values: 2 * operands * side ** 2, format: "f16" },
      sums: { values: sums, format: "f32" },
    },
    flops: 2 * products * run.rounds * side ** 3,
    bytes: sums * WORD,
  };
}
