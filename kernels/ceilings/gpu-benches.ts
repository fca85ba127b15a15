import { benchOf, type GpuBenchCase } from "../gpu-check.ts";
import { copyGpu, copyTunings, fmaPeakGpu, matrixGpu, readGpu, readSizes } from "./gpu.ts";
import { matrixPeakGpu } from "./matrix-peak.ts";

export const benches: readonly GpuBenchCase[] = [
  ...copyTunings.map((each): GpuBenchCase => ({
    name: `ceiling copy each=${each}`,
    prepare: (traits) => benchOf(copyGpu(traits, undefined, each)),
  })),
  ...[0, 1, 2, 3, 4].map((size): GpuBenchCase => ({
    name: `ceiling read ${["1/256", "1/64", "1/16", "1/4", "all"][size]!}`,
    prepare: (traits) => benchOf(readGpu(traits, readSizes(traits)[size]!)),
  })),
  { name: "ceiling matrix", prepare: (traits) => benchOf(matrixGpu(traits)) },
  { name: "ceiling fma arithmetic", prepare: (traits) => benchOf(fmaPeakGpu(traits, "arithmetic")) },
  { name: "ceiling fma f32", prepare: (traits) => benchOf(fmaPeakGpu(traits, "f32")) },
  {
    name: "ceiling matrix units",
    prepare: (traits) => (traits.matrix === "units" ? benchOf(matrixPeakGpu(traits)) : { skip: "no matrix units" }),
  },
];
