import { checkOf, type GpuCheck } from "../gpu-check.ts";
import type { KernelCase } from "../kernel-case.ts";
import { Random } from "../random.ts";
import { cases } from "./cases.ts";
import { rmsnormGpu } from "./gpu.ts";
import { rmsnorm } from "./reference.ts";
import type { RmsnormInput } from "./rmsnorm.ts";

/** f32 sums in another order than the reference's. */
const TOLERANCE = 1e-6;

/** Every size of team, with all its lanes in use and not, and rows too wide to keep. */
const teams: readonly KernelCase<RmsnormInput>[] = [4, 384, 512, 516, 1024, 1028, 2048, 4096, 4100, 16_388].map(
  (width) => ({
    name: `rmsnorm C=9 E=${width}`,
    inputs: (seed) => {
      const random = new Random(seed);
      return { x: random.normals(9 * width), weight: random.normals(width, 0.2, 1), eps: 1e-6 };
    },
  }),
);

export const checks: readonly GpuCheck[] = [...cases, ...teams].map(({ name, inputs }) => ({
  name,
  prepare: (seed, traits) => {
    const input = inputs(seed);
    const hidden = input.weight.length;
    if (hidden % 4 !== 0) return { skip: `E = ${hidden} is no multiple of 4` };
    const values = rmsnorm(input);
    return checkOf({
      op: rmsnormGpu({ hidden, eps: input.eps }, traits),
      run: { rows: input.x.length / hidden },
      buffers: {
        x: Float32Array.from(input.x),
        weight: Float32Array.from(input.weight),
        y: { bytes: values.length * 4 },
      },
      expected: { y: { format: "f32", values, tolerance: TOLERANCE, per: hidden } },
    });
  },
}));
