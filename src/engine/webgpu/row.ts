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
