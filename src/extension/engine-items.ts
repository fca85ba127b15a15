import type { Devices } from "../protocol/jobs.ts";

export interface EngineItem {
  readonly label: string;
  readonly description: string;
  readonly detail: string;
  /** Values of the settings. */
  readonly engine: string;
  readonly gpu: string;
}

const AUTO: Omit<EngineItem, "description"> = {
  label: "Automatic",
  detail: "A GPU where there is a real one, else the CPU; the report says which and why",
  engine: "auto",
  gpu: "",
};

/** Engines that a setting may name; the others are for tests. */
const SETTABLE: readonly string[] = ["webgpu", "cpu"];

/** What can be chosen: automatic, each GPU, and each engine that needs none. The current choice is marked. */
export function engineItems(
  devices: Devices,
  current: { readonly engine: string; readonly gpu: string | undefined },
): EngineItem[] {
  const mark = (engine: string, gpu: string): string =>
    engine === current.engine && gpu === (current.gpu ?? "") ? "current" : "";
  const items: EngineItem[] = [{ ...AUTO, description: mark(AUTO.engine, AUTO.gpu) }];
  for (const { index, name, description, software } of devices.gpus) {
    // A name that two GPUs share does not tell which.
    const unique = devices.gpus.filter((other) => other.name === name).length === 1;
    const gpu = unique ? name : String(index);
    const marks = [software ? "software, for trying only: its times say nothing about GPUs" : "", mark("webgpu", gpu)];
    items.push({
      label: name,
      description: marks.filter((text) => text !== "").join(", "),
      detail: description,
      engine: "webgpu",
      gpu,
    });
  }
  for (const { id, description } of devices.engines) {
    if (!SETTABLE.includes(id)) continue;
    if (id === "webgpu" && devices.gpus.length > 0) continue;
    const trouble = id === "webgpu" ? (devices.gpuTrouble ?? "no GPU was found") : "";
    items.push({
      label: id === "cpu" ? "CPU" : "GPU (WebGPU)",
      description: [trouble, mark(id, "")].filter((text) => text !== "").join(", "),
      detail: description,
      engine: id,
      gpu: "",
    });
  }
  return items;
}
