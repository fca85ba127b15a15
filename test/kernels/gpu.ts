import { GpuDevice } from "../../src/engine/webgpu/device.ts";
import { listAdapters } from "../../src/engine/webgpu/dawn.ts";

/**
 * The GPU that tests run on: GPU in the environment (a name or index), else the first real one, else a software one,
 * which is what CI has. Undefined with the reason where there is none; tests that need one then skip with it.
 */
export async function testGpu(): Promise<{ readonly gpu: string } | { readonly gpu: undefined; readonly why: string }> {
  const wanted = process.env["GPU"];
  if (wanted !== undefined) return { gpu: wanted };
  const adapters = await listAdapters();
  const chosen = adapters.find(({ software }) => !software) ?? adapters[0];
  if (chosen !== undefined) return { gpu: String(chosen.index) };
  return { gpu: undefined, why: "no GPU: .ci/run shows how to install a software one (Vulkan loader and SwiftShader)" };
}

/** Opens it, for tests of kernels. */
export async function openTestGpu(): Promise<GpuDevice | { readonly why: string }> {
  const found = await testGpu();
  return found.gpu === undefined ? { why: found.why } : GpuDevice.open({ gpu: found.gpu });
}
