import { UserError, words } from "../model/errors.ts";
import { ENGINE_SETTINGS, type DeviceListing, type EngineListing, type EngineSetting } from "../protocol/engines.ts";
import { AUTO } from "../model/auto.ts";
import { CPU } from "./cpu/row.ts";
import { CUDA } from "./cuda/row.ts";
import type { Engine } from "./engine.ts";
import { REFERENCE } from "./reference/row.ts";
import type { Device, EngineOptions, EngineRow } from "./row.ts";
import { chooseByText } from "./webgpu/gpu-choice.ts";
import { WEBGPU } from "./webgpu/row.ts";

/**
 * Every engine there is, in the order in which `auto` looks for a device. The CPU is a device that every machine has, so
 * `auto` never goes further. Functions here take other rows for tests.
 */
export const ENGINES: readonly EngineRow[] = [WEBGPU, CUDA, CPU, REFERENCE];

/** What may be asked for, in words: "auto, webgpu, cpu or reference". */
export function engineChoices(rows: readonly EngineRow[] = ENGINES): string {
  const ids = [AUTO.id, ...rows.map(({ id }) => id)];
  return `${ids.slice(0, -1).join(", ")} or ${ids.at(-1) ?? ""}`;
}

/** The row of the engine called `id`. @throws UserError naming those there are */
export function engineCalled(id: string, rows: readonly EngineRow[] = ENGINES): EngineRow {
  const row = rows.find((engine) => engine.id === id);
  if (row !== undefined) return row;
  const known = rows.map((engine) => `${engine.id} (${engine.description})`).join(", ");
  throw new UserError(`unknown engine "${id}"; available: ${AUTO.id}, ${known}`);
}

/** Engines and all their devices. That nobody could look for an engine's devices is part of the answer, not an error. */
export async function listEngines(
  rows: readonly EngineRow[] = ENGINES,
): Promise<{ readonly engines: EngineListing[]; readonly devices: DeviceListing[] }> {
  const found = await Promise.all(
    rows.map(async (row) => {
      const { id, title, noun, description, settings, caveat, hint } = row;
      const { devices, trouble } = await look(row);
      const engine: EngineListing = {
        ...{ id, title, noun, description, settings: [...settings] },
        ...(caveat === undefined ? {} : { caveat }),
        ...(hint === undefined ? {} : { hint }),
        ...(trouble === undefined ? {} : { trouble }),
      };
      return { engine, devices: devices.map((device) => ({ engine: id, ...device })) };
    }),
  );
  return { engines: found.map(({ engine }) => engine), devices: found.flatMap(({ devices }) => devices) };
}

/** An engine, and why it is this one. */
export interface ChosenEngine {
  readonly engine: Engine;
  readonly reason: string;
}

/** What an engine is asked for with. */
export interface EngineRequest extends EngineOptions {
  /** Settings that hold only for engines that understand them, rather than be refused by the others. */
  readonly ifUnderstood?: readonly EngineSetting[] | undefined;
}

/**
 * Opens the engine called `id`. `auto` takes the first that has a real device; a GPU selected by name is never replaced by
 * anything. What else is asked for holds where the engine that `auto` takes understands it.
 * @throws UserError when there is no such engine or device, naming those there are, and for a setting that it does not understand
 */
export async function createEngine(
  id: string,
  request: EngineRequest = {},
  rows: readonly EngineRow[] = ENGINES,
): Promise<ChosenEngine> {
  if (id === AUTO.id && request.gpu === undefined) {
    const { row, reason } = await firstWithDevice(rows);
    return { engine: await row.open(request), reason };
  }
  const row = id === AUTO.id ? await firstThatMeans(request.gpu ?? "", rows) : engineCalled(id, rows);
  refuseStrangers(row, request, rows);
  return { engine: await row.open(request), reason: "selected by name" };
}

function refuseStrangers(row: EngineRow, request: EngineRequest, rows: readonly EngineRow[]): void {
  for (const setting of ENGINE_SETTINGS) {
    const value = request[setting];
    const refused = !row.settings.includes(setting) && request.ifUnderstood?.includes(setting) !== true;
    if (value === undefined || !refused) continue;
    const others = rows.filter(({ settings }) => settings.includes(setting)).map((other) => other.id);
    throw new UserError(words`${{ setting, value }} applies to the ${others.join(" or ")} engine, not to ${row.id}`);
  }
}

/** The first engine with a device that is real and can be opened, and what was missing for those before it. */
async function firstWithDevice(
  rows: readonly EngineRow[],
): Promise<{ readonly row: EngineRow; readonly reason: string }> {
  const passed: string[] = [];
  for (const row of rows) {
    const { devices, trouble } = await look(row);
    if (devices.some(({ software, obstacle }) => !software && obstacle === undefined)) {
      const why = passed.length === 0 ? `first ${row.noun} found` : [...new Set(passed)].join("; ");
      return { row, reason: why };
    }
    passed.push(trouble ?? (devices.length === 0 ? `no ${row.noun} found` : `only a software ${row.noun} found`));
  }
  throw new UserError(`no engine can run here: ${passed.join(", ")}`);
}

/** The first engine with a device that `gpu` means; where none has one, the first that could, whose own words say why. */
async function firstThatMeans(gpu: string, rows: readonly EngineRow[]): Promise<EngineRow> {
  const candidates = rows.filter(({ settings }) => settings.includes("gpu"));
  for (const row of candidates) {
    const { devices } = await look(row);
    if ("chosen" in chooseByText(devices, gpu)) return row;
  }
  const [first] = candidates;
  if (first === undefined) throw new UserError(words`no engine understands ${{ setting: "gpu", value: gpu }}`);
  return first;
}

async function look(row: EngineRow): Promise<{ readonly devices: readonly Device[]; readonly trouble?: string }> {
  try {
    return { devices: await row.devices() };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { devices: [], trouble: error.message };
  }
}
