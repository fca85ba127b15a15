import { checkOf, type GpuCheck } from "../gpu-check.ts";
import type { KernelCase } from "../kernel-case.ts";
import { Random } from "../random.ts";
import { cases } from "./cases.ts";
import { swigluGpu } from "./gpu.ts";
import { swiglu } from "./reference.ts";
import type { SwigluInput } from "./swiglu.ts";

/** exp and the products round in f32. */
const TOLERANCE = 2e-6;

/** Several rows, whose gates and ups alternate in memory. */
const rowed: readonly (KernelCase<SwigluInput> & { readonly rows: number })[] = [
  ...[4, 252, 256, 260, 1028].map((width) => ({ rows: 5, width, scale: 1 })),
  { rows: 3, width: 1024, scale: 100 },
  { rows: 2, width: 11_008, scale: 1 },
].map(({ rows, width, scale }) => ({
  name: `swiglu C=${rows} F=${width} scale=${scale}`,
  rows,
  inputs: (seed) => {
    const random = new Random(seed);
    return { gate: random.normals(rows * width, scale), up: random.normals(rows * width) };
  },
}));

export const checks: readonly GpuCheck[] = [...cases.map((one) => ({ ...one, rows: 1 })), ...rowed].map(
  ({ name, rows, inputs }) => ({
    name,
    prepare: (seed, traits) => {
      const { gate, up } = inputs(seed);
      const intermediate = gate.length / rows;
      if (intermediate % 4 !== 0) return { skip: `F = ${intermediate} is no multiple of 4` };
      const gateUp = new Float32Array(2 * gate.length);
      for (let row = 0; row < rows; row++) {
        const from = row * intermediate;
        gateUp.set(gate.subarray(from, from + intermediate), 2 * from);
        gateUp.set(up.subarray(from, from + intermediate), 2 * from + intermediate);
      }
      const values = swiglu({ gate, up });
      return checkOf({
        op: swigluGpu({ intermediate }, traits),
        run: { rows },
        buffers: { gateUp, y: { bytes: values.length * 4 } },
        expected: { y: { format: "f32", values, tolerance: TOLERANCE, per: intermediate } },
      });
    },
  }),
);
