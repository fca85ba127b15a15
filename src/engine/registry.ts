import { messageOf, UserError } from "../model/errors.ts";
import type { Engine } from "./engine.ts";
import { checkThreads } from "./machine.ts";
import { listAdapters } from "./webgpu/dawn.ts";
import type { OpenOptions } from "./webgpu/device.ts";

/** What engines are told: the GPU's to one that has it, the threads to the CPU's. `gpu` is as the user wrote it. */
export interface EngineOptions extends Omit<OpenOptions, "gpu"> {
  readonly gpu?: string;
  /** Of the CPU engine; what suits the machine when absent (machine.ts). */
  readonly threads?: number;
}

interface EngineEntry {
  readonly id: string;
  readonly description: string;
  readonly create: (options: EngineOptions) => Promise<Engine>;
}

/** Every engine there is, each loaded on first use: native code costs time, and may be missing on a platform. */
const ENGINES: readonly EngineEntry[] = [
  {
    id: "webgpu",
    description: "WGSL kernels on a GPU, 16-bit weights and KV cache",
    create: openGpu,
  },
  { id: "cpu", description: "our own attention kernels and onnxruntime on the CPU, float32", create: openCpu },
  {
    id: "reference",
    description: "plain float64 loops, for checking; slow",
    create: async () => new (await import("./reference/engine.ts")).ReferenceEngine(),
  },
];

/** Engine ids with a line each, for help texts and errors. */
export function listEngines(): readonly Pick<EngineEntry, "id" | "description">[] {
  return ENGINES;
}

/** An engine, and why it is this one. */
export interface ChosenEngine {
  readonly engine: Engine;
  readonly reason: string;
}

/**
 * Makes the engine called `id`. `auto` takes a real GPU where there is one, else the CPU; a GPU asked for by name is
 * never replaced by anything. Threads are those of the CPU, where `auto` takes it.
 * @throws UserError when there is no such engine or GPU, naming those there are, and for more threads than cores
 */
export async function createEngine(id: string, options: EngineOptions = {}): Promise<ChosenEngine> {
  if (id === "auto" && options.gpu === undefined) return automatic(options);
  if (id === "auto") return createEngine("webgpu", options);
  if (options.gpu !== undefined && id !== "webgpu") {
    throw new UserError(`--gpu ${options.gpu} goes with the webgpu engine, not with ${id}`);
  }
  if (options.threads !== undefined && id !== "cpu") {
    throw new UserError(`--threads ${options.threads} goes with the cpu engine, not with ${id}`);
  }
  return byName(id, options);
}

async function byName(id: string, options: EngineOptions): Promise<ChosenEngine> {
  const entry = ENGINES.find((engine) => engine.id === id);
  if (entry === undefined) {
    const known = ENGINES.map((engine) => `${engine.id} (${engine.description})`).join(", ");
    throw new UserError(`there is no engine "${id}"; there are: auto, ${known}`);
  }
  return { engine: await entry.create(options), reason: "asked for by name" };
}

async function automatic(options: EngineOptions): Promise<ChosenEngine> {
  let why: string;
  try {
    const adapters = await listAdapters();
    if (adapters.some(({ software, obstacle }) => !software && obstacle === undefined)) {
      return { engine: await openGpu(options), reason: "auto: the first GPU found" };
    }
    why = adapters.length === 0 ? "no GPU was found" : "only a software GPU was found";
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    why = error.message;
  }
  return { engine: await openCpu(options), reason: `auto: ${why}, so the CPU` };
}

async function openGpu(options: EngineOptions): Promise<Engine> {
  const { WebGpuEngine } = await import("./webgpu/engine.ts");
  return WebGpuEngine.open(options);
}

async function openCpu({ threads }: EngineOptions): Promise<Engine> {
  if (threads !== undefined) checkThreads(threads);
  let module: typeof import("./cpu/engine.ts");
  try {
    module = await import("./cpu/engine.ts");
  } catch (error) {
    throw new UserError(
      `onnxruntime could not be loaded on ${process.platform}-${process.arch} (${messageOf(error)}); ` +
        "--engine webgpu does without it",
    );
  }
  return new module.CpuEngine(threads);
}
