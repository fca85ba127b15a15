import type { DeviceTraits, GpuProgram } from "../../../kernels/gpu-op.ts";
import { messageOf, UserError } from "../../model/errors.ts";
import { probeMatrixUnits } from "./matrix-probe.ts";
import { chooseAdapter, requestAdapter } from "./dawn.ts";
import type { AdapterListing } from "./gpu-choice.ts";
import { shaderSource } from "./shader-source.ts";

/** GPUBufferUsage, GPUShaderStage and GPUMapMode of the WebGPU specification: Node has no such globals. */
export const USAGE = {
  mapRead: 0x1,
  copySource: 0x4,
  copyTarget: 0x8,
  uniform: 0x40,
  storage: 0x80,
  indirect: 0x100,
  queryResolve: 0x200,
} as const;
const STAGE_COMPUTE = 0x4;

export interface OpenOptions {
  /** A GPU's index, name or a part of that (gpu-choice.ts), or the very one of a list; the first real one when absent. */
  readonly gpu?: string | AdapterListing;
  /** f32 keeps 16-bit storage but multiplies in 32 bits also where the device could do 16. */
  readonly arithmetic?: "f32";
  /**
   * Absent: matrix units are used where the device offers them and a trial in another process went well. none: never.
   * units: without the trial. emulated: the kernels made for them run without them (for tests; slow).
   */
  readonly matrix?: "none" | "units" | "emulated";
}

export interface CompiledProgram {
  readonly id: number;
  readonly program: GpuProgram;
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

const MATRIX_FEATURE = "chromium-experimental-subgroup-matrix";
const MATRIX_SIDE = 16;
/** Invocations of a subgroup that the matrix kernels count on. */
const MATRIX_SUBGROUP = 32;

/** Dawn's description of one kind of product; not in the types of WebGPU. */
interface MatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** Whether f16 x f16 -> f32 of 16x16x16 is there, by subgroups of 32. */
function hasMatrixUnits({ features, info }: GPUAdapter): boolean {
  const { subgroupMatrixConfigs = [] } = info as { readonly subgroupMatrixConfigs?: Iterable<MatrixConfig> };
  return (
    features.has(MATRIX_FEATURE) &&
    features.has("shader-f16") &&
    info.subgroupMinSize === MATRIX_SUBGROUP &&
    info.subgroupMaxSize === MATRIX_SUBGROUP &&
    [...subgroupMatrixConfigs].some(
      ({ componentType, resultComponentType, M, N, K }) =>
        componentType === "f16" && resultComponentType === "f32" && [M, N, K].every((side) => side === MATRIX_SIDE),
    )
  );
}

/** One open GPU: its traits, its compiled programs, and whether it is still there. */
export class GpuDevice {
  readonly gpu: GPUDevice;
  readonly adapter: AdapterListing;
  readonly info: GPUAdapterInfo;
  readonly traits: DeviceTraits;
  readonly #programs = new Map<string, CompiledProgram>();
  /** Why matrix units that the device offers are not used. */
  readonly unitsComplaint: string | undefined;
  /** Greatest common divisor of all ticks seen. */
  #step = 0n;
  #gone: UserError | undefined;
  #complaint: string | undefined;

  private constructor(
    gpu: GPUDevice,
    adapter: AdapterListing,
    info: GPUAdapterInfo,
    traits: DeviceTraits,
    unitsComplaint: string | undefined,
  ) {
    this.unitsComplaint = unitsComplaint;
    this.gpu = gpu;
    this.adapter = adapter;
    this.info = info;
    this.traits = traits;
    void gpu.lost.then(({ reason, message }) => {
      const why = message.trim() === "" ? reason : message.trim();
      this.#gone ??= new UserError(`the GPU ${adapter.name} was lost (${why}); run again to reopen it`);
    });
    gpu.addEventListener("uncapturederror", ({ error }) => {
      this.#complaint ??= error.message;
    });
  }

  /**
   * Opens a GPU with all the limits it has.
   * @throws UserError when there is none, or not the one asked for, or the driver refuses
   */
  static async open({ gpu: wanted, arithmetic, matrix }: OpenOptions = {}): Promise<GpuDevice> {
    const listing = typeof wanted === "object" ? wanted : await chooseAdapter(wanted);
    const adapter = await requestAdapter(listing);
    const has = (feature: GPUFeatureName): boolean => adapter.features.has(feature);
    if (!has("timestamp-query")) {
      throw new UserError(`the GPU ${listing.name} has no timestamps, so nothing can be timed on it`);
    }
    const offered = (matrix ?? "units") === "units" && arithmetic === undefined && hasMatrixUnits(adapter);
    const complaint = offered && matrix === undefined ? await probeMatrixUnits(listing) : undefined;
    const units = offered && complaint === undefined;
    const features: GPUFeatureName[] = (["timestamp-query", "shader-f16", "subgroups"] as const).filter(has);
    // Not in the specification's list of names: a feature of Dawn.
    if (units) features.push(MATRIX_FEATURE as GPUFeatureName);
    const { limits } = adapter;
    const gpu = await adapter
      .requestDevice({
        requiredFeatures: features,
        requiredLimits: {
          maxBufferSize: limits.maxBufferSize,
          maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
          maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage,
          maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
          maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
          maxComputeWorkgroupSizeX: limits.maxComputeWorkgroupSizeX,
          maxComputeWorkgroupSizeY: limits.maxComputeWorkgroupSizeY,
          maxComputeWorkgroupSizeZ: limits.maxComputeWorkgroupSizeZ,
          maxComputeWorkgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
        },
      })
      .catch((error: unknown) => {
        throw new UserError(`cannot open the GPU ${listing.name}: ${messageOf(error)}`);
      });
    return new GpuDevice(
      gpu,
      listing,
      adapter.info,
      {
        arithmetic: has("shader-f16") && arithmetic !== "f32" ? "f16" : "f32",
        matrix: units ? "units" : matrix === "emulated" ? matrix : "none",
        subgroupSize: has("subgroups") ? (adapter.info.subgroupMinSize ?? 0) : 0,
        maxInvocations: limits.maxComputeInvocationsPerWorkgroup,
        workgroupStorageBytes: limits.maxComputeWorkgroupStorageSize,
        storageBuffers: limits.maxStorageBuffersPerShaderStage,
        maxBindingBytes: Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize),
        maxWorkgroups: limits.maxComputeWorkgroupsPerDimension,
      },
      complaint,
    );
  }

  /** How products are computed, in words. */
  get path(): string {
    const { matrix, arithmetic } = this.traits;
    const unused = this.unitsComplaint === undefined ? "" : ` (matrix units unused: ${this.unitsComplaint})`;
    if (matrix === "units") return "matrix units, float16 products, float32 sums";
    if (matrix === "emulated") return "matrix units emulated";
    return (arithmetic === "f16" ? "float16 products, float32 sums" : "float32 products and sums") + unused;
  }

  /** Learns the clock's step from ticks that were read, in nanoseconds. */
  sawTicks(ticks: Iterable<bigint>): void {
    for (const tick of ticks) this.#step = divisor(this.#step, tick);
  }

  /** The clock's step in nanoseconds, as far as it has shown. */
  get timerStepNs(): number | undefined {
    return this.#step === 0n ? undefined : Number(this.#step);
  }

  get lost(): boolean {
    return this.#gone !== undefined;
  }

  /** Throws what went wrong on the device since the last look, if anything did. */
  assertSound(): void {
    if (this.#gone !== undefined) throw this.#gone;
    if (this.#complaint === undefined) return;
    const complaint = this.#complaint;
    this.#complaint = undefined;
    throw new UserError(`the GPU ${this.adapter.name} refused a command: ${complaint}`);
  }

  /** What a rejected call of the device means: its loss where that is the cause. */
  fault(error: unknown): unknown {
    return this.#gone ?? error;
  }

  /** Compiles a program once per device; the same program again is a lookup. */
  compile(program: GpuProgram): CompiledProgram {
    const known = this.#byProgram.get(program);
    if (known !== undefined) return known;
    const key = JSON.stringify([program.name, program.sources, program.constants, program.aliases]);
    const compiled = this.#programs.get(key) ?? this.#compile(program);
    this.#programs.set(key, compiled);
    this.#byProgram.set(program, compiled);
    return compiled;
  }
  readonly #byProgram = new WeakMap<GpuProgram, CompiledProgram>();

  #compile(program: GpuProgram): CompiledProgram {
    const label = program.name;
    const code = shaderSource(program, this.traits);
    const layout = this.gpu.createBindGroupLayout({
      label,
      entries: [
        { binding: 0, visibility: STAGE_COMPUTE, buffer: { type: "uniform", hasDynamicOffset: true } },
        ...Object.values(program.bindings).map((access, i): GPUBindGroupLayoutEntry => ({
          binding: i + 1,
          visibility: STAGE_COMPUTE,
          buffer: { type: access === "read" ? "read-only-storage" : "storage" },
        })),
      ],
    });
    const pipeline = this.gpu.createComputePipeline({
      label,
      layout: this.gpu.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module: this.gpu.createShaderModule({ label, code }), entryPoint: "main" },
    });
    return { id: this.#programs.size, program, pipeline, layout };
  }

  destroy(): void {
    this.gpu.destroy();
  }
}

function divisor(a: bigint, b: bigint): bigint {
  while (b !== 0n) [a, b] = [b, a % b];
  return a;
}
