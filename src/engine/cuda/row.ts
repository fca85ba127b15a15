import { KOFFI } from "../koffi.ts";
import type { EngineRow } from "../row.ts";

export const CUDA: EngineRow = {
  id: "cuda",
  title: "NVIDIA GPU (CUDA)",
  noun: "GPU",
  description: "CUDA kernels on an NVIDIA H100 or H200, 16-bit weights and KV cache",
  settings: ["gpu"],
  note: () =>
    "Full attention in prefill takes 0.9 to 1.05 times as long here as cuDNN's, as measured on an H100 (docs/cuda-benchmarks.md).",
  hint: "is NVIDIA's driver installed?",
  natives: [KOFFI],
  files: ({ system, arch }) => (system !== "darwin" && arch === "x64" ? ["kernels/built-cuda/sm_90a.cubin"] : []),
  processes: [],
  devices: async () => {
    const [{ loadDriver }, { listDevices }] = await Promise.all([import("./driver.ts"), import("./devices.ts")]);
    const driver = loadDriver();
    if (driver === undefined) return [];
    return listDevices(driver).map(({ index, name, description, software, address, obstacle }) => ({
      ...{ index, name, description, software, address },
      ...(obstacle === undefined ? {} : { obstacle }),
    }));
  },
  open: async ({ gpu }) => {
    const { CudaEngine } = await import("./engine.ts");
    return CudaEngine.open(gpu === undefined ? {} : { gpu });
  },
};
