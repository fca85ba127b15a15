import type { EngineRow, Platform } from "../row.ts";

/** Dawn's library for macOS holds both architectures. */
function dawnFolder({ system, arch }: Platform): string {
  return system === "darwin" ? "darwin-universal" : `${system}-${arch}`;
}

export const WEBGPU: EngineRow = {
  id: "webgpu",
  title: "GPU (WebGPU)",
  noun: "GPU",
  description: "WGSL kernels on a GPU, 16-bit weights and KV cache",
  settings: ["gpu"],
  note: (device) =>
    /nvidia/i.test(device)
      ? "Full attention in prefill takes 3.1 to 3.6 times as long here as cuDNN's, as measured on an H200 (docs/gpu-benchmarks.md): a speed-up " +
        "over full attention is one over this engine's."
      : undefined,
  hint: "is a Vulkan, Metal or Direct3D 12 driver installed?",
  natives: [
    {
      name: "webgpu",
      title: "Dawn (webgpu)",
      files: (platform) => ["index.js", { under: `dist/${dawnFolder(platform)}`, name: /./ }],
    },
  ],
  files: () => [{ under: "kernels", name: /\.wgsl$/ }],
  processes: ["src/engine/webgpu/matrix-probe-child.ts"],
  devices: async () => {
    const [{ listAdapters }, { describeAdapter }] = await Promise.all([import("./dawn.ts"), import("./gpu-choice.ts")]);
    return (await listAdapters()).map((adapter) => {
      const { index, name, software, address, obstacle } = adapter;
      const description = describeAdapter(adapter);
      return { index, name, description, software, address, ...(obstacle === undefined ? {} : { obstacle }) };
    });
  },
  open: async ({ gpu }) => {
    const { WebGpuEngine } = await import("./engine.ts");
    return WebGpuEngine.open(gpu === undefined ? {} : { gpu });
  },
};
