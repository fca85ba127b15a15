import type { Devices } from "../protocol/jobs.ts";

/** What --list-devices prints: engines, and the GPUs that --gpu can name. */
export function deviceList({ engines, gpus, gpuTrouble }: Devices): string {
  const none = gpuTrouble ?? "is a Vulkan, Metal or Direct3D 12 driver installed?";
  return [
    "Engines (--engine):",
    ...engines.map(({ id, description }) => `  ${id}: ${description}`),
    "GPUs (--gpu, by index, name or a part that no other name has):",
    ...(gpus.length > 0 ? gpus.map(({ description }) => `  ${description}`) : [`  none: ${none}`]),
    "",
  ].join("\n");
}
