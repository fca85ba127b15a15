import type { FormId } from "./gpu-form.ts";
import type { DeviceTraits, GpuOp } from "./gpu-op.ts";

/** How a buffer's bytes are read back. */
export type Format = "f32" | "f16" | "u32";

/** An array to upload, or a size to leave unwritten (the runner fills it with NaN bits, so that holes are found). */
export type BufferContents = ArrayBufferView | { readonly bytes: number };

/** An output's expected values. */
export interface Expected {
  readonly format: Format;
  readonly values: ArrayLike<number>;
  /**
   * Largest relative error ||out - reference|| / ||reference|| of each run of `per` values (a position, say); 0 asks for
   * identical values, which is what u32 outputs get. Of f32, differences that flushing to zero explains do not count.
   */
  readonly tolerance: number;
  readonly per: number;
  /** Where given, only these elements are compared; the rest must still hold what was uploaded. */
  readonly judged?: (index: number) => boolean;
  /**
   * For selections: judges the whole output instead of comparing values, and returns a complaint or undefined. Used
   * where several answers are right within rounding.
   */
  readonly judge?: (actual: Float64Array) => string | undefined;
}

/** One op on one input, with what must come out. */
export interface PreparedCheck<Run> {
  readonly op: GpuOp<Run>;
  readonly run: Run;
  /** Every buffer of the op but its scratch. */
  readonly buffers: Readonly<Record<string, BufferContents>>;
  readonly expected: Readonly<Record<string, Expected>>;
}

/** A check: `prepare` draws fresh inputs from the seed. Undefined when the device cannot run this size; say why. */
export interface GpuCheck {
  readonly name: string;
  /** Portable when absent. */
  readonly form?: FormId;
  readonly prepare: (seed: number, traits: DeviceTraits) => PreparedCheck<never> | { readonly skip: string };
}

/** One op at one size worth timing. Inputs are random on purpose: zeros run faster than data. */
export interface GpuBenchCase {
  readonly name: string;
  readonly prepare: (traits: DeviceTraits) => BenchRun<never> | { readonly skip: string };
}

export interface BenchRun<Run> {
  readonly op: GpuOp<Run>;
  readonly run: Run;
  /** Sizes, and how to fill: normal random numbers in a format, given contents, or nothing. */
  readonly buffers: Readonly<Record<string, BenchBuffer>>;
  /** Arithmetic that the op must do, counting a multiply-add as two. */
  readonly flops: number;
  /** Bytes it must move: inputs once, outputs once. */
  readonly bytes: number;
}

export type BenchBuffer =
  | { readonly values: number; readonly format: "f32" | "f16" }
  | { readonly contents: ArrayBufferView }
  | { readonly bytes: number };

/** Forgets the type of an op's run, once it is certain that op and run belong together. */
export function checkOf<Run>(check: PreparedCheck<Run>): PreparedCheck<never> {
  return check as unknown as PreparedCheck<never>;
}

export function benchOf<Run>(bench: BenchRun<Run>): BenchRun<never> {
  return bench as unknown as BenchRun<never>;
}
