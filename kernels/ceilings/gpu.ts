import { spreadWorkgroups, type DeviceTraits, type GpuOp, type GpuProgram } from "../gpu-op.ts";
import { linearGpu, type LinearRun } from "../linear/gpu.ts";

/** An op that is timed for what the device can do: the op, a run that is long enough, and the work in it. */
export interface Ceiling<Run> {
  readonly op: GpuOp<Run>;
  readonly run: Run;
  /** Values and format of each buffer. Fill the inputs with random numbers: zeros run faster than data. */
  readonly buffers: Readonly<Record<string, { readonly values: number; readonly format: "f16" | "f32" }>>;
  /** A multiply-add counts as two. */
  readonly flops: number;
  /** Read and written. */
  readonly bytes: number;
}

/** A device that lets 1024 invocations share a workgroup is taken for a big one. */
const isBig = ({ maxInvocations }: DeviceTraits): boolean => maxInvocations >= 1024;

const WIDTH = 256;
const VECTOR = 16;
const WORD = 4;

export interface CopyRun {
  /** Copied; a multiple of 16. */
  readonly bytes: number;
}

/** Vectors of 16 bytes per invocation of the copy: the default first. */
export const copyTunings = [4, 1] as const;

/** Buffers larger than any cache: 512 MiB on big devices, 64 MiB on others. Buffers: source, target. */
export function copyGpu(traits: DeviceTraits, bytes?: number, each: number = copyTunings[0]): Ceiling<CopyRun> {
  const program: GpuProgram = {
    name: "ceilings/streamed_copy",
    sources: ["ceilings/streamed_copy.wgsl"],
    constants: { WIDTH, EACH: each },
    bindings: { source: "read", target: "read_write" },
    params: { count: "u32", stride: "u32" },
  };
  const copied = bytes ?? Math.min(traits.maxBindingBytes, (isBig(traits) ? 512 : 64) * 2 ** 20);
  const size = Math.floor(copied / VECTOR) * VECTOR;
  const buffer = { values: size / WORD, format: "f32" } as const;
  return {
    op: {
      programs: [program],
      scratch: () => ({}),
      dispatches: (run) => {
        if (run.bytes % VECTOR !== 0) throw new Error(`${run.bytes} bytes are no multiple of ${VECTOR}`);
        const count = run.bytes / VECTOR;
        const workgroups = spreadWorkgroups(Math.ceil(count / (WIDTH * each)), traits);
        return [
          {
            program,
            buffers: { source: "source", target: "target" },
            params: { count, stride: workgroups[0] },
            workgroups,
          },
        ];
      },
    },
    run: { bytes: size },
    buffers: { source: buffer, target: buffer },
    flops: 0,
    bytes: 2 * size,
  };
}

export interface ReadRun {
  readonly workgroups: number;
  readonly rounds: number;
}

/** Vectors of 16 bytes that an invocation has in flight, and workgroups that the stride goes beyond those of a round. */
export const READ = { width: WIDTH, each: 8, beyond: 7 } as const;

/** Sizes that readGpu is worth timing at, ascending, each a power of two: the smallest fit a cache, the largest none. */
export function readSizes(traits: DeviceTraits): number[] {
  const most = Math.min(traits.maxBindingBytes, (isBig(traits) ? 512 : 64) * 2 ** 20);
  const largest = 2 ** Math.floor(Math.log2(most));
  return [256, 64, 16, 4, 1].map((part) => largest / part);
}

/** As many bytes as the largest of readSizes, or as `run` says, read from a buffer of `bytes`. Buffers: source, sums. */
export function readGpu(
  traits: DeviceTraits,
  bytes: number,
  run: ReadRun = { workgroups: isBig(traits) ? 2048 : 256, rounds: 8 },
): Ceiling<ReadRun> {
  const vectors = bytes / VECTOR;
  if (!Number.isInteger(Math.log2(vectors))) throw new Error(`${bytes} bytes are no power of two of vectors`);
  const { width, each, beyond } = READ;
  const program: GpuProgram = {
    name: "ceilings/streamed_read",
    sources: ["ceilings/streamed_read.wgsl"],
    constants: { WIDTH: width, EACH: each },
    bindings: { source: "read", sums: "read_write" },
    params: { mask: "u32", stride: "u32", rounds: "u32" },
  };
  const invocations = run.workgroups * width;
  return {
    op: {
      programs: [program],
      scratch: () => ({}),
      dispatches: ({ workgroups, rounds }) => [
        {
          program,
          buffers: { source: "source", sums: "sums" },
          params: { mask: vectors - 1, stride: (workgroups + beyond) * width, rounds },
          workgroups: [workgroups, 1, 1],
        },
      ],
    },
    run,
    buffers: {
      source: { values: bytes / WORD, format: "f32" },
      sums: { values: invocations, format: "f32" },
    },
    flops: 0,
    bytes: invocations * (run.rounds * each * VECTOR + WORD),
  };
}

/** The projections' own product, size^3: 4096 on big devices, 1024 on others. Buffers: linearGpu's x, weight, y. */
export function matrixGpu(traits: DeviceTraits, size = isBig(traits) ? 4096 : 1024): Ceiling<LinearRun> {
  const values = size * size;
  return {
    op: linearGpu({ inputs: size, outputs: size, add: false }, traits),
    run: { rows: size },
    buffers: {
      x: { values, format: "f32" },
      weight: { values, format: "f16" },
      y: { values, format: "f32" },
    },
    flops: 2 * size ** 3,
    bytes: (2 * WORD + 2) * values,
  };
}

export interface FmaRun {
  readonly workgroups: number;
  readonly rounds: number;
  /** Every number v becomes v * scale + add in each step. */
  readonly scale: number;
  readonly add: number;
}

/** Steps per round, and numbers per invocation: those of fma_chains.wgsl. */
export const FMA = { width: WIDTH, repeats: 16, numbers: 32 } as const;

/** Multiply-adds in registers, in f32 or in the device's arithmetic. Buffer: sums f32, one per invocation. */
export function fmaPeakGpu(
  traits: DeviceTraits,
  type: "arithmetic" | "f32",
  run: FmaRun = { workgroups: isBig(traits) ? 8192 : 512, rounds: 64, scale: 0.875, add: 0.25 },
): Ceiling<FmaRun> {
  const program: GpuProgram = {
    name: "ceilings/fma_chains",
    sources: ["ceilings/fma_chains.wgsl"],
    aliases: { Real: type === "f32" ? "f32" : "Arith" },
    constants: { WIDTH: FMA.width, REPEATS: FMA.repeats },
    bindings: { sums: "read_write" },
    params: { rounds: "u32", scale: "f32", add: "f32" },
  };
  const invocations = run.workgroups * FMA.width;
  return {
    op: {
      programs: [program],
      scratch: () => ({}),
      dispatches: ({ workgroups, rounds, scale, add }) => [
        { program, buffers: { sums: "sums" }, params: { rounds, scale, add }, workgroups: [workgroups, 1, 1] },
      ],
    },
    run,
    buffers: { sums: { values: invocations, format: "f32" } },
    flops: 2 * invocations * run.rounds * FMA.repeats * FMA.numbers,
    bytes: invocations * WORD,
  };
}
