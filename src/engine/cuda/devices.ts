import { UserError } from "../../model/errors.ts";
import type { Device } from "../row.ts";
import { chooseByText } from "../webgpu/gpu-choice.ts";
import { meaningOf, RESULT, type CudaDriver } from "./driver.ts";

/** The compute capability that the kernels are built for. */
const BUILT_FOR = 90;
/** The version of CUDA that they were built with, as drivers count: none before it loads them. */
const NEEDED = 13_000;

const ATTRIBUTE = { major: 75, minor: 76, processors: 16, l2Bytes: 38 } as const;
const NAME_BYTES = 256;

/** A card as the driver lists it. */
export interface CudaDevice extends Device {
  /** CUdevice. */
  readonly handle: number;
  readonly processors: number;
  readonly l2Bytes: number;
}

/** @throws Error where the driver refuses what never fails */
function ask(result: number, what: string): void {
  if (result !== RESULT.success) throw new UserError(`NVIDIA's driver does not tell ${what}: ${meaningOf(result)}`);
}

/** The version of CUDA that the driver runs, e.g. 13000. */
export function driverVersion(driver: CudaDriver): number {
  const version = new Int32Array(1);
  ask(driver.cuDriverGetVersion(version), "its version");
  return version[0]!;
}

export function versionText(version: number): string {
  return `${Math.floor(version / 1000)}.${Math.floor((version % 1000) / 10)}`;
}

/** Every card, in the driver's order; those that the kernels do not run on have an obstacle. */
export function listDevices(driver: CudaDriver): CudaDevice[] {
  const count = new Int32Array(1);
  ask(driver.cuDeviceGetCount(count), "how many devices there are");
  const version = driverVersion(driver);
  const found = Array.from({ length: count[0]! }, (_, index) => {
    const handle = new Int32Array(1);
    ask(driver.cuDeviceGet(handle, index), `of device ${index}`);
    const name = new Uint8Array(NAME_BYTES);
    ask(driver.cuDeviceGetName(name, NAME_BYTES, handle[0]!), `the name of device ${index}`);
    const attribute = (which: number): number => {
      const value = new Int32Array(1);
      ask(driver.cuDeviceGetAttribute(value, which, handle[0]!), `what device ${index} is`);
      return value[0]!;
    };
    return {
      index,
      handle: handle[0]!,
      name: new TextDecoder().decode(name.subarray(0, name.indexOf(0))),
      capability: 10 * attribute(ATTRIBUTE.major) + attribute(ATTRIBUTE.minor),
      processors: attribute(ATTRIBUTE.processors),
      l2Bytes: attribute(ATTRIBUTE.l2Bytes),
    };
  });
  return found.map(({ capability, ...card }): CudaDevice => {
    const byName = chooseByText(found, card.name);
    const tells = "chosen" in byName && byName.chosen.index === card.index;
    const obstacle = obstacleOf(card.name, capability, version);
    return {
      ...card,
      description: `${card.index}: ${card.name} (CUDA ${versionText(version)}, compute capability ${(capability / 10).toFixed(1)})`,
      software: false,
      address: tells ? card.name : String(card.index),
      ...(obstacle === undefined ? {} : { obstacle }),
    };
  });
}

function obstacleOf(name: string, capability: number, version: number): string | undefined {
  if (capability !== BUILT_FOR) {
    return (
      `the cuda engine's kernels are built for compute capability 9.0 (H100, H200) and ${name} has ` +
      `${(capability / 10).toFixed(1)}; the webgpu engine runs on it`
    );
  }
  if (version >= NEEDED) return undefined;
  return (
    `NVIDIA's driver runs CUDA ${versionText(version)} and the cuda engine's kernels need ${versionText(NEEDED)}: ` +
    "update the driver, or use the webgpu engine"
  );
}

/**
 * The card that `wanted` means, or the first that can be opened.
 * @throws UserError when there is none, or not the one asked for
 */
export function chooseDevice(list: readonly CudaDevice[], wanted: string | undefined): CudaDevice {
  const known =
    list.length === 0 ? "none was found" : `there are: ${list.map(({ description }) => description).join("; ")}`;
  const choice =
    wanted === undefined
      ? (list.find(({ obstacle }) => obstacle === undefined) ?? list[0])
      : chooseByText(list, wanted);
  if (choice === undefined) {
    throw new UserError("no NVIDIA GPU was found for the cuda engine (is NVIDIA's driver installed?)");
  }
  if ("problem" in choice) throw new UserError(`${choice.problem}; ${known}`);
  const device = "chosen" in choice ? choice.chosen : choice;
  if (device.obstacle !== undefined) throw new UserError(device.obstacle);
  return device;
}
