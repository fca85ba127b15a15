import { benchOf, type GpuBenchCase } from "../gpu-check.ts";
import { swigluGpu } from "./gpu.ts";

const sizes = [
  { model: "7B", intermediate: 11_008, rows: 2048 },
  { model: "7B", intermediate: 11_008, rows: 1 },
  { model: "embedded", intermediate: 1024, rows: 2048 },
];

export const benches: readonly GpuBenchCase[] = sizes.map(({ model, intermediate, rows }) => ({
  name: `swiglu ${model} C=${rows} F=${intermediate}`,
  prepare: (traits) => {
    const values = rows * intermediate;
    return benchOf({
      op: swigluGpu({ intermediate }, traits),
      run: { rows },
      buffers: { gateUp: { values: 2 * values, format: "f32" }, y: { bytes: values * 4 } },
      flops: 5 * values,
      bytes: 4 * 3 * values,
    });
  },
}));
