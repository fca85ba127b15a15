import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { z } from "zod";
import { ropeTables } from "../../../kernels/rope/gpu.ts";
import { UserError } from "../../model/errors.ts";
import { asPlanned } from "../../designs/as-planned.ts";
import { DESIGN_IDS, planOf } from "../../designs/designs.ts";
import { gateOf, type LayerPlan } from "../../designs/plan.ts";
import type { Architecture } from "../../model/architecture.ts";
import { ropeOf } from "../../model/decoder.ts";
import type { Model } from "../../model/model.ts";
import { admit } from "../decoder/admit.ts";
import { contextBytes } from "../decoder/estimate.ts";
import { declinedOf } from "../decoder/mixers.ts";
import { firstOf, rolesOf } from "../decoder/roles.ts";
import { DecoderRunner } from "../decoder/runner.ts";
import type { Ceilings, DeviceMeter, Engine, EngineInfo, LoadOptions, Runner, Variant } from "../engine.ts";
import { checkWeightsFit } from "../../model/weights-fit.ts";
import { measureCeilings } from "./ceilings.ts";
import { GpuDecoder, type RopeBlocks, type RopeTablesBlocks } from "./decoder.ts";
import type { OpenOptions } from "./device.ts";
import { deviceMemory, type DeviceMemory } from "./memory.ts";
import { MIXERS } from "./mixers.ts";
import { activationSizes, makeOps, needsOf, scratchSizes, type Ops } from "./ops.ts";
import { GpuSession } from "./session.ts";
import { GpuWeights, weightBytes } from "./weights.ts";

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

/** WGSL compute kernels: Vulkan, Metal or Direct3D 12, through Dawn. */
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

  canRun(plan: readonly LayerPlan[]): string | undefined {
    const rings = plan.flatMap(({ keeps }) => (keeps.kind === "ring" ? [`${keeps.tokens} ${keeps.first ?? 0}`] : []));
    const gates = plan.flatMap((layer) =>
      layer.gate === undefined ? [] : [`${gateOf(layer).block} ${layer.gate.top}`],
    );
    if (new Set(rings).size > 1) return "its kernels are made for one window, and the layers have several";
    if (new Set(gates).size > 1) return "its kernels are made for one size of blocks, and the layers have several";
    return declinedOf(MIXERS, plan);
  }

  async load(model: Model, variant: Variant, options: LoadOptions = {}): Promise<Runner> {
    refuseOddShapes(model.architecture);
    const plan = admit(this, model, variant, options);
    if (this.#session.device.lost) await this.#reopen();
    const session = this.#session;
    const loaded = await this.#share(model);
    loaded.users++;
    const release = (): void => {
      if (session !== this.#session || --loaded.users > 0) return;
      this.#models.delete(model);
      loaded.weights.free();
      for (const { coarse, fine } of new Set(loaded.rope.layers)) {
        session.allocator.free(coarse);
        session.allocator.free(fine);
      }
      if (this.#models.size === 0) session.workspace.clear();
      session.recorder.forgetGroups();
    };
    const { swap } = options;
    const ops = this.#opsOf(model, plan);
    const chunk = chunkOf(ops, plan, options.chunk ?? this.defaultChunk(model));
    const architecture = asPlanned(model.architecture, plan);
    const parts = { session, ops, ...loaded };
    const body = new GpuDecoder({ ...model, architecture }, rolesOf(plan, swap), swap, chunk, parts, release);
    return new DecoderRunner({ variant, plan, vocabulary: architecture.vocabulary, chunk, swap }, body);
  }

  defaultChunk({ architecture }: Model): number {
    const choosing = DESIGN_IDS.map((id) => planOf(architecture, id)).filter(
      (plan) => plan.some(({ choice }) => choice) && !readsOwnBlocks(plan),
    );
    const most = choosing.map((plan) => this.#opsOf({ architecture }, plan).largestRows);
    return Math.max(1, Math.min(LARGEST_CHUNK, ...most));
  }

  /**
   * Of runs without a swap, whose observer asks neither for layers' values nor for all logits. A swap adds one chunk's
   * blocks per oracle; an observer adds what is read back at a time, of logits 2 times 32 MiB and the hidden states of
   * those positions twice. Where there is no room for that, the run ends with a UserError.
   */
  estimateBytes(model: Model, variant: Variant, tokens: number): number {
    const plan = planOf(model.architecture, variant);
    const ops = this.#opsOf(model, plan);
    const rows = Math.min(tokens, chunkOf(ops, plan, this.defaultChunk(model)));
    const needs = needsOf(rolesOf(plan, undefined), true);
    const held = [activationSizes(ops, rows, tokens, needs), scratchSizes(ops, rows, tokens, needs)]
      .flatMap((sizes) => Object.values(sizes))
      .reduce((sum, bytes) => sum + bytes, 0);
    return weightBytes(model) + contextBytes(plan, model.architecture, tokens, HALF) + held + PARAMS_BYTES;
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

  /** Kernels for the widths of a model, and the window and blocks of a plan. */
  #opsOf({ architecture }: Pick<Model, "architecture">, plan: readonly LayerPlan[]): Ops {
    const ring = plan.find(({ keeps }) => keeps.kind === "ring");
    const shape = asPlanned(architecture, plan);
    const gated = plan.find(({ gate }) => gate !== undefined);
    const forced = plan.find(({ choice }) => choice !== undefined)?.choice?.forced;
    const asked = {
      ...(forced && { forced }),
      ...(ring === undefined ? {} : { first: firstOf(ring) }),
      ...(gated === undefined ? {} : { gate: gateOf(gated) }),
    };
    const key = JSON.stringify([shape, asked]);
    const ops = this.#ops.get(key) ?? makeOps(shape, this.#session.device.traits, asked);
    this.#ops.set(key, ops);
    return ops;
  }

  async #share(model: Model): Promise<Loaded> {
    const known = this.#models.get(model);
    if (known !== undefined) return known;
    checkWeightsFit(model, weightBytes(model), "16-bit floats", this.availableBytes(), "of device memory are free");
    const loading = upload(this.#session, model);
    this.#models.set(model, loading);
    loading.catch(() => this.#models.delete(model));
    return loading;
  }
}

async function upload(session: GpuSession, model: Model): Promise<Loaded> {
  const { architecture: a } = model;
  const weights = await GpuWeights.upload(session.device, session.allocator, model);
  const positions = Math.max(a.maxContext, POSITIONS);
  const byTurn = new Map<string, Promise<RopeTablesBlocks>>();
  const layers = Array.from({ length: a.layers }, (_, layer) => {
    const turn = ropeOf(a, layer);
    const key = JSON.stringify(turn);
    const tables = byTurn.get(key) ?? uploadTables(session, ropeTables(a.headDim, turn, positions));
    byTurn.set(key, tables);
    return tables;
  });
  return { weights, rope: { positions, layers: await Promise.all(layers) }, users: 0 };
}

async function uploadTables(
  { device, allocator }: GpuSession,
  tables: ReturnType<typeof ropeTables>,
): Promise<RopeTablesBlocks> {
  const coarse = await allocator.allocate("weights", tables.coarse.byteLength);
  const fine = await allocator.allocate("weights", tables.fine.byteLength);
  device.gpu.queue.writeBuffer(coarse.buffer, 0, tables.coarse);
  device.gpu.queue.writeBuffer(fine.buffer, 0, tables.fine);
  return { coarse, fine };
}

/**
 * Queries of a chunk: as asked, or fewer where layers read blocks of their own keys and the partial results of so many do not fit.
 * One at least: the allocation says what is too large then.
 */
function chunkOf({ ownChoice, largestRows }: Ops, plan: readonly LayerPlan[], asked: number): number {
  const most = ownChoice?.largestRows ?? (readsOwnBlocks(plan) ? largestRows : Infinity);
  return Math.max(1, Math.min(asked, most));
}

/** Whether layers read blocks of their own keys that another chose; the chunks of other designs do not depend on theirs. */
function readsOwnBlocks(plan: readonly LayerPlan[]): boolean {
  return plan.some(({ chosenBy }) => chosenBy !== undefined);
}

/** @throws UserError when a width cannot be cut into the kernels' vectors */
function refuseOddShapes({ hidden, intermediate, headDim }: Architecture): void {
  for (const [name, width] of Object.entries({ hidden, intermediate, headDim })) {
    if (width % VECTOR !== 0) {
      throw new UserError([
        `the webgpu engine needs ${name} to be a multiple of ${VECTOR} (it is ${width}); use `,
        { setting: "engine", value: "cpu" },
      ]);
    }
  }
}

function packageVersion(): string {
  const path = createRequire(import.meta.url).resolve("webgpu/package.json");
  return z.object({ version: z.string() }).parse(JSON.parse(readFileSync(path, "utf8"))).version;
}
