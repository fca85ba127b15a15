import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { z } from "zod";
import { ropeTables } from "../../../kernels/rope/gpu.ts";
import { UserError } from "../../model/errors.ts";
import type { Architecture } from "../../model/architecture.ts";
import type { Model } from "../../model/model.ts";
import type { Ceilings, DeviceMeter, Engine, EngineInfo, LoadOptions, Runner, Variant } from "../engine.ts";
import { layerKinds } from "../kinds.ts";
import { swapRefusal } from "../swap.ts";
import { measureCeilings } from "./ceilings.ts";
import type { OpenOptions } from "./device.ts";
import { deviceMemory, type DeviceMemory } from "./memory.ts";
import { activationSizes, makeOps, scratchSizes, type Ops } from "./ops.ts";
import { GpuRunner, type RopeBlocks } from "./runner.ts";
import { GpuSession } from "./session.ts";
import { GpuWeights, weightBytes } from "./weights.ts";

const WORD = 4;
const HALF = 2;
/** Kernels read four 16-bit values at a time. */
const VECTOR = 4;
const LARGEST_CHUNK = 2048;
const PARAMS_BYTES = 1 << 20;
/** Positions that RoPE is prepared for at least; the tables of a million positions take a few MB. */
const POSITIONS = 1 << 20;

/** What the runners of one model share on the device. */
interface Loaded {
  readonly weights: GpuWeights;
  readonly rope: RopeBlocks;
  users: number;
}

/** HySparse, full attention and hybrid SWA as WGSL compute kernels: Vulkan, Metal or Direct3D 12, through Dawn. */
export class WebGpuEngine implements Engine {
  readonly #options: OpenOptions;
  readonly #memory: DeviceMemory | undefined;
  readonly #models = new Map<Model, Promise<Loaded>>();
  readonly #ops = new Map<string, Ops>();
  #session: GpuSession;

  private constructor(options: OpenOptions, session: GpuSession, memory: DeviceMemory | undefined) {
    this.#options = options;
    this.#session = session;
    this.#memory = memory;
  }

  /** @throws UserError when there is no GPU, or not the one asked for */
  static async open(options: OpenOptions = {}): Promise<WebGpuEngine> {
    const session = await GpuSession.open(options);
    return new WebGpuEngine(options, session, await deviceMemory(session.device.adapter));
  }

  get info(): EngineInfo {
    const { adapter, info, traits, timerStepNs } = this.#session.device;
    return {
      id: "webgpu",
      device: adapter.name,
      threads: 1,
      dtype: "float16",
      kvBytesPerValue: HALF,
      versions: { webgpu: packageVersion(), node: process.versions.node },
      gpu: {
        index: adapter.index,
        address: adapter.address,
        backend: adapter.backend,
        driver: info.description,
        arithmetic: this.#session.device.path,
        software: adapter.software,
        subgroupSize: traits.subgroupSize,
        ...(timerStepNs === undefined ? {} : { timerStepNs }),
        ...(this.#memory === undefined ? {} : { freeBytes: Math.floor(this.#memory.bytes) }),
      },
    };
  }

  get meter(): DeviceMeter {
    return this.#session.allocator;
  }

  async load(model: Model, variant: Variant, { chunk, swap }: LoadOptions = {}): Promise<Runner> {
    refuseOddShapes(model.architecture);
    const refusal = swapRefusal(swap, variant, model.architecture);
    if (refusal !== undefined) throw refusal;
    if (this.#session.device.lost) await this.#reopen();
    const session = this.#session;
    const loaded = await this.#share(model);
    loaded.users++;
    const release = (): void => {
      if (session !== this.#session || --loaded.users > 0) return;
      this.#models.delete(model);
      loaded.weights.free();
      session.allocator.free(loaded.rope.coarse);
      session.allocator.free(loaded.rope.fine);
      if (this.#models.size === 0) session.workspace.clear();
      session.recorder.forgetGroups();
    };
    const rows = chunk ?? this.defaultChunk(model);
    return new GpuRunner(session, model, loaded.weights, this.#opsOf(model), loaded.rope, variant, rows, swap, release);
  }

  defaultChunk({ architecture }: Model): number {
    return Math.max(1, Math.min(LARGEST_CHUNK, this.#opsOf({ architecture }).largestRows));
  }

  /**
   * Of runs without a swap, whose observer asks neither for layers' values nor for all logits. A swap adds one chunk's
   * blocks per oracle; an observer adds what is read back at a time, of logits 2 times 32 MiB and the hidden states of
   * those positions twice. Where there is no room for that, the run ends with a UserError.
   */
  estimateBytes(model: Model, variant: Variant, tokens: number): number {
    const ops = this.#opsOf(model);
    const { Hkv, d, slots, w } = ops.shape;
    const kinds = layerKinds(model.architecture, variant);
    const rows = Math.min(tokens, this.defaultChunk(model));
    const hysparse = variant === "hysparse" && kinds.includes("sparse");
    const needs = { scores: variant === "hysparse", sparse: hysparse, window: kinds.some((kind) => kind !== "full") };
    const cached = kinds.reduce((sum, kind) => sum + (kind === "full" ? tokens : Math.min(tokens, w)), 0);
    const feeding = hysparse ? kinds.filter((kind) => kind === "full").length : 0;
    const held = [activationSizes(ops, rows, tokens, needs), scratchSizes(ops, rows, tokens, needs)]
      .flatMap((sizes) => Object.values(sizes))
      .reduce((sum, bytes) => sum + bytes, 0);
    return (
      weightBytes(model) + 2 * Hkv * d * HALF * cached + 2 * feeding * tokens * Hkv * slots * WORD + held + PARAMS_BYTES
    );
  }

  /** Bytes of device memory that are free, where the system tells. */
  availableBytes(): number {
    return this.#memory?.bytes ?? Infinity;
  }

  wake(): Promise<void> {
    return this.#session.waker.wake();
  }

  measureCeilings(signal?: AbortSignal): Promise<Ceilings> {
    return measureCeilings(this.#session, signal);
  }

  /** Ends the device as a driver's crash would; the next `load` opens it anew. For tests. */
  loseDevice(): void {
    this.#session.device.destroy();
  }

  dispose(): Promise<void> {
    this.#session.close();
    return Promise.resolve();
  }

  async #reopen(): Promise<void> {
    this.#models.clear();
    this.#ops.clear();
    this.#session = await GpuSession.open(this.#options);
  }

  #opsOf({ architecture }: Pick<Model, "architecture">): Ops {
    const key = JSON.stringify(architecture);
    const ops = this.#ops.get(key) ?? makeOps(architecture, this.#session.device.traits);
    this.#ops.set(key, ops);
    return ops;
  }

  #share(model: Model): Promise<Loaded> {
    const known = this.#models.get(model);
    if (known !== undefined) return known;
    const loading = upload(this.#session, model);
    this.#models.set(model, loading);
    loading.catch(() => this.#models.delete(model));
    return loading;
  }
}

async function upload({ device, allocator }: GpuSession, model: Model): Promise<Loaded> {
  const { headDim, ropeBase, maxContext } = model.architecture;
  const weights = await GpuWeights.upload(device, allocator, model);
  const positions = Math.max(maxContext, POSITIONS);
  const tables = ropeTables(headDim, ropeBase, positions);
  const rope: RopeBlocks = {
    positions,
    coarse: await allocator.allocate("weights", tables.coarse.byteLength),
    fine: await allocator.allocate("weights", tables.fine.byteLength),
  };
  device.gpu.queue.writeBuffer(rope.coarse.buffer, 0, tables.coarse);
  device.gpu.queue.writeBuffer(rope.fine.buffer, 0, tables.fine);
  return { weights, rope, users: 0 };
}

/** @throws UserError when a width cannot be cut into the kernels' vectors */
function refuseOddShapes({ hidden, intermediate, headDim }: Architecture): void {
  for (const [name, width] of Object.entries({ hidden, intermediate, headDim })) {
    if (width % VECTOR !== 0) {
      throw new UserError(
        `the webgpu engine needs ${name} to be a multiple of ${VECTOR}, and it is ${width}; use --engine cpu`,
      );
    }
  }
}

function packageVersion(): string {
  const path = createRequire(import.meta.url).resolve("webgpu/package.json");
  return z.object({ version: z.string() }).parse(JSON.parse(readFileSync(path, "utf8"))).version;
}
