import { benchOf, type GpuBenchCase } from "../gpu-check.ts";
import { rmsnormGpu } from "./gpu.ts";

const sizes = [
  { rows: 2048, hidden: 384 },
  { rows: 2048, hidden: 4096 },
  { rows: 1, hidden: 4096 },
];

export const benches: readonly GpuBenchCase[] = sizes.map(({ rows, hidden }) => ({
  name: `rmsnorm C=${rows} E=${hidden}`,
  prepare: (traits) =>
    benchOf({
      op: rmsnormGpu({ hidden, eps: 1e-6 }, traits),
      run: { rows },
      buffers: {
        x: { values: rows * hidden, format: "f32" },
        weight: { values: hidden, format: "f32" },
        y: { bytes: rows * hidden * 4 },
      },
      flops: 4 * rows * hidden,
      bytes: 4 * (2 * rows * hidden + hidden),
    }),
}));
