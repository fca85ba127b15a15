import { benchOf, type GpuBenchCase } from "../gpu-check.ts";
import { matrixPeakGpu } from "./matrix-peak.ts";

export const benches: readonly GpuBenchCase[] = [
  {
    name: "ceiling matrix units",
    prepare: (traits) => (traits.matrix === "units" ? benchOf(matrixPeakGpu(traits)) : { skip: "no matrix units" }),
  },
];
