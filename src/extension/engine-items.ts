import { AUTO } from "../model/auto.ts";
import { chooseByText } from "../engine/webgpu/gpu-choice.ts";
import type { Devices } from "../protocol/jobs.ts";
import { capitalized } from "./failure-text.ts";

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

type Engine = Devices["engines"][number];
type Device = Devices["devices"][number];

/**
 * What can be chosen: automatic, and of each engine that is no mere check every device, where devices can be named, else the
 * engine itself. The current choice is marked.
 */
export function engineItems(
  { engines, devices }: Pick<Devices, "engines" | "devices">,
  current: { readonly engine: string; readonly gpu?: string | undefined },
): EngineItem[] {
  const offered = engines.filter(({ caveat }) => caveat === undefined);
  const named = offered.map((engine) => ({
    engine,
    own: engine.settings.includes("gpu") ? devices.filter((device) => device.engine === engine.id) : [],
  }));
  const isCurrent = (engine: string): boolean => engine === current.engine && current.gpu === undefined;
  // A part of a name, as an older version or a person may have written it, marks the GPU that it means.
  const meant = named
    .filter(({ engine }) => [AUTO.id, engine.id].includes(current.engine))
    .flatMap(({ own }) => meantOf(own, current.gpu))[0];
  const severalKinds = named.filter(({ own }) => own.length > 0).length > 1;
  return [
    {
      label: AUTO.title,
      description: isCurrent(AUTO.id) ? "current" : "",
      detail: capitalized(AUTO.description),
      engine: AUTO.id,
      gpu: "",
    },
    ...named.flatMap(({ engine, own }) =>
      own.length === 0
        ? [engineItem(engine, isCurrent(engine.id))]
        : own.map((device) => deviceItem(device, device === meant, severalKinds ? engine.title : "")),
    ),
  ];
}

function meantOf(devices: readonly Device[], gpu: string | undefined): Device[] {
  const choice = gpu === undefined ? undefined : chooseByText(devices, gpu);
  return choice !== undefined && "chosen" in choice ? [choice.chosen] : [];
}

function deviceItem(device: Device, isCurrent: boolean, of: string): EngineItem {
  const { engine, index, name, description, software, address, obstacle } = device;
  const marks = [
    of,
    software ? "software, for testing only: its times say nothing about GPUs" : "",
    obstacle === undefined ? "" : "cannot be opened",
    isCurrent ? "current" : "",
  ];
  return {
    label: `${index}: ${name}`,
    description: listed(marks),
    detail: obstacle ?? description,
    engine,
    gpu: address,
    ...(obstacle === undefined ? {} : { problem: obstacle }),
  };
}

function engineItem({ id, title, noun, description, settings, trouble }: Engine, isCurrent: boolean): EngineItem {
  const missing = settings.includes("gpu") ? (trouble ?? `no ${noun} found`) : "";
  return {
    label: title,
    description: listed([missing, isCurrent ? "current" : ""]),
    detail: description,
    engine: id,
    gpu: "",
  };
}

function listed(marks: readonly string[]): string {
  return marks.filter((text) => text !== "").join(", ");
}
