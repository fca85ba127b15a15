import { benchOf, type GpuBenchCase } from "../gpu-check.ts";
import { copyGpu, copyTunings, fmaPeakGpu, matrixGpu } from "./gpu.ts";

export const benches: readonly GpuBenchCase[] = [
  ...copyTunings.map((each): GpuBenchCase => ({
    name: `ceiling copy each=${each}`,
    prepare: (traits) => benchOf(copyGpu(traits, undefined, each)),
  })),
  { name: "ceiling matrix", prepare: (traits) => benchOf(matrixGpu(traits)) },
  { name: "ceiling fma arithmetic", prepare: (traits) => benchOf(fmaPeakGpu(traits, "arithmetic")) },
  { name: "ceiling fma f32", prepare: (traits) => benchOf(fmaPeakGpu(traits, "f32")) },
];
