import { chooseByText } from "../engine/webgpu/gpu-choice.ts";
import type { Devices } from "../protocol/jobs.ts";

export interface EngineItem {
  readonly label: string;
  readonly description: string;
  readonly detail: string;
  /** Values of the settings. */
  readonly engine: string;
  readonly gpu: string;
  /** Why this one cannot be chosen. */
  readonly problem?: string;
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
  // A part of a name, as an older version or a person may have written it, marks the GPU that it means.
  const meant = current.gpu === undefined ? undefined : chooseByText(devices.gpus, current.gpu);
  for (const gpu of devices.gpus) {
    const { index, name, description, software, address, obstacle } = gpu;
    const isCurrent = current.engine !== "cpu" && meant !== undefined && "chosen" in meant && meant.chosen === gpu;
    const marks = [
      software ? "software, for trying only: its times say nothing about GPUs" : "",
      obstacle === undefined ? "" : "cannot be opened",
      isCurrent ? "current" : "",
    ];
    items.push({
      label: `${index}: ${name}`,
      description: marks.filter((text) => text !== "").join(", "),
      detail: obstacle ?? description,
      engine: "webgpu",
      gpu: address,
      ...(obstacle === undefined ? {} : { problem: obstacle }),
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
