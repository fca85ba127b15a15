/**
 * What a compute kernel is, apart from any device: which real .wgsl files make its module, what it binds and how it is
 * dispatched. Pure data, so that the engine, the checks and the benchmarks run the very same thing.
 */

/** What a kernel may know about the device that will run it. */
export interface DeviceTraits {
  /** Arithmetic between 16-bit operands: `f16` where the device has shader-f16; sums are flushed to f32 either way. */
  readonly arithmetic: "f16" | "f32";
  /**
   * Products of 16x16 tiles of f16 with f32 sums: on matrix units (subgroups of exactly 32 invocations), emulated by
   * plain loops in the same kernels (tests on devices without such units), or not at all.
   */
  readonly matrix: "units" | "emulated" | "none";
  /** Invocations that run in step, where the device says so; 0 when it does not offer subgroups. */
  readonly subgroupSize: number;
  readonly maxInvocations: number;
  readonly workgroupStorageBytes: number;
  readonly storageBuffers: number;
  readonly maxBindingBytes: number;
  /** Workgroups per dimension of a dispatch. */
  readonly maxWorkgroups: number;
}

export type Access = "read" | "read_write";

/** A module and its entry point `main`. */
export interface GpuProgram {
  /** `<op>/<idea>`, also the label in the driver's messages. */
  readonly name: string;
  /** .wgsl files relative to kernels/; the device's arithmetic/{f16,f32}.wgsl is always put before them. */
  readonly sources: readonly string[];
  /** Lines that must stand first in the module: `enable ...;`, `diagnostic(...);`. */
  readonly directives?: readonly string[];
  /** Put before the sources, one `const NAME: u32 = value;` each (booleans as `bool`). Sizes that shape the code. */
  readonly constants: Readonly<Record<string, number | boolean>>;
  /** Types that depend on the shape, put before the sources as `alias NAME = type;`. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** In the order of @group(0) @binding(1), (2), ...: the name used in `GpuDispatch.buffers`, and the access declared. */
  readonly bindings: Readonly<Record<string, Access>>;
  /** Of the uniform at @group(0) @binding(0): `struct Params` and what is packed into it are made of these, in order. */
  readonly params: Readonly<Record<string, "u32" | "f32">>;
}

export interface GpuDispatch {
  readonly program: GpuProgram;
  /** Binding name -> buffer name: one of the op's inputs, outputs or scratch buffers. */
  readonly buffers: Readonly<Record<string, string>>;
  readonly params: Readonly<Record<string, number>>;
  /** Counts, or the buffer (three u32 at the byte offset) that an earlier dispatch of the op wrote them to. */
  readonly workgroups: readonly [number, number, number] | { readonly indirect: string; readonly offset: number };
}

/** An op on the GPU: made once per shape and device, asked per call for its dispatches. */
export interface GpuOp<Run> {
  /** Every program it may dispatch, for compiling ahead. */
  readonly programs: readonly GpuProgram[];
  /** Bytes of each buffer that it needs between its dispatches and nobody else reads. */
  scratch(run: Run): Readonly<Record<string, number>>;
  /** In order; each sees what the ones before it wrote. */
  dispatches(run: Run): readonly GpuDispatch[];
}

/** The buffers of a dispatch that have the names of the program's bindings, but for those that `names` gives. */
export function boundByName(
  { bindings }: GpuProgram,
  names: Readonly<Record<string, string>> = {},
): GpuDispatch["buffers"] {
  return Object.fromEntries(Object.keys(bindings).map((binding) => [binding, names[binding] ?? binding]));
}

/** A dispatch of `count` workgroups, spread over (x, y); the program has `stride`, the x-count, among its params. */
export function spreadDispatch(
  program: GpuProgram,
  traits: DeviceTraits,
  count: number,
  params: GpuDispatch["params"],
  names?: Readonly<Record<string, string>>,
): GpuDispatch {
  const workgroups = spreadWorkgroups(count, traits);
  const buffers = boundByName(program, names);
  return { program, buffers, params: { ...params, stride: workgroups[0] }, workgroups };
}

/** An op without scratch: one dispatch of one program per call. */
export function singleOp<Run>(program: GpuProgram, dispatch: (run: Run) => GpuDispatch): GpuOp<Run> {
  return { programs: [program], scratch: () => ({}), dispatches: (run) => [dispatch(run)] };
}

/** A dispatch of `count` workgroups as (x, y): devices bound each dimension. The kernel recovers y * x-count + x. */
export function spreadWorkgroups(count: number, traits: DeviceTraits): [number, number, number] {
  if (count <= traits.maxWorkgroups) return [count, 1, 1];
  const y = Math.ceil(count / traits.maxWorkgroups);
  return [Math.ceil(count / y), y, 1];
}
