import { listEngines } from "../engine/registry.ts";
import { describeAdapter, listAdapters } from "../engine/webgpu/dawn.ts";

/** What --list-devices prints: engines, and the GPUs that --gpu can name. */
export async function deviceList(): Promise<string> {
  const adapters = await listAdapters();
  const gpus = adapters.map((adapter) => `  ${describeAdapter(adapter)}`);
  return [
    "Engines (--engine):",
    ...listEngines().map(({ id, description }) => `  ${id}: ${description}`),
    "GPUs (--gpu, by index, name or part of the name):",
    ...(gpus.length > 0 ? gpus : ["  none: is a Vulkan, Metal or Direct3D 12 driver installed?"]),
    "",
  ].join("\n");
}
