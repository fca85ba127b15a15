import { chooseAdapter, listAdapters } from "../../src/engine/webgpu/dawn.ts";

export type TestGpu =
  { readonly gpu: string; readonly software: boolean } | { readonly gpu: undefined; readonly why: string };

/**
 * The GPU that tests run on: GPU in the environment (a name or index), else the first real one, else a software one,
 * which is what CI has. Undefined with the reason where there is none; tests that need one then skip with it.
 */
export async function testGpu(): Promise<TestGpu> {
  const wanted = process.env["GPU"];
  const adapters = await listAdapters();
  const chosen =
    wanted === undefined ? (adapters.find(({ software }) => !software) ?? adapters[0]) : await chooseAdapter(wanted);
  if (chosen !== undefined) return { gpu: String(chosen.index), software: chosen.software };
  return { gpu: undefined, why: "no GPU: .ci/run shows how to install a software one (Vulkan loader and SwiftShader)" };
}
