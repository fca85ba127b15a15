import type { GpuDispatch } from "../../../kernels/gpu-op.ts";
import type { GpuAllocator, GpuBlock } from "./allocator.ts";
import type { CompiledProgram, GpuDevice } from "./device.ts";
import { packParams } from "./shader-source.ts";

/** Uniform slots lie this far apart: the alignment every device accepts for dynamic offsets. */
const SLOT = 256;
const SLOTS_AT_FIRST = 512;

/** Finds the buffer that an op's dispatch means by a name. */
export type Resolve = (name: string) => GpuBlock;

interface Recorded {
  readonly compiled: CompiledProgram;
  readonly group: GPUBindGroup;
  readonly slot: number;
  readonly workgroups: GpuDispatch["workgroups"];
  readonly indirect: GpuBlock | undefined;
}

/** Where a pass writes its times: query indices. */
export interface PassTimes {
  readonly querySet: GPUQuerySet;
  readonly begin: number;
  readonly end: number;
}

/**
 * Collects dispatches in compute passes and submits them in one go. Parameters of all dispatches lie in one uniform
 * buffer, written once per submit; bind groups are made once per program and set of buffers.
 */
export class Recorder {
  readonly #device: GpuDevice;
  readonly #allocator: GpuAllocator;
  readonly #groups = new Map<string, GPUBindGroup>();
  #uniforms: GpuBlock | undefined;
  #staging = new ArrayBuffer(SLOTS_AT_FIRST * SLOT);
  #slots = 0;
  #passes: { times: PassTimes | undefined; dispatches: Recorded[] }[] = [];

  constructor(device: GpuDevice, allocator: GpuAllocator) {
    this.#device = device;
    this.#allocator = allocator;
  }

  /** Makes room for the parameters of `dispatches` dispatches per submit. */
  async reserve(dispatches: number): Promise<void> {
    if (this.#uniforms !== undefined && this.#uniforms.bytes >= dispatches * SLOT) return;
    if (this.#slots > 0) throw new Error("uniforms cannot grow under recorded dispatches");
    const bytes = Math.max(dispatches, SLOTS_AT_FIRST) * SLOT;
    const old = this.#uniforms;
    this.#uniforms = await this.#allocator.allocate("params", bytes);
    this.#staging = new ArrayBuffer(bytes);
    this.forgetGroups();
    if (old !== undefined) this.#allocator.free(old);
  }

  /** Begins a compute pass; later dispatches go into it. */
  pass(times?: PassTimes): void {
    this.#passes.push({ times, dispatches: [] });
  }

  add(dispatches: readonly GpuDispatch[], resolve: Resolve): void {
    for (const dispatch of dispatches) this.#add(dispatch, resolve);
  }

  #add({ program, buffers, params, workgroups }: GpuDispatch, resolve: Resolve): void {
    const uniforms = this.#uniforms;
    const pass = this.#passes.at(-1);
    if (uniforms === undefined || pass === undefined) throw new Error("no pass was begun");
    const compiled = this.#device.compile(program);
    const slot = this.#slots++ * SLOT;
    if (slot + SLOT > this.#staging.byteLength) throw new Error(`more than ${slot / SLOT} dispatches in one submit`);
    packParams(program, params, new DataView(this.#staging, slot, SLOT));
    const bound = Object.keys(program.bindings).map((binding) => {
      const name = buffers[binding];
      if (name === undefined) throw new Error(`${program.name} was given no buffer for ${binding}`);
      return resolve(name);
    });
    const indirect = "indirect" in workgroups ? resolve(workgroups.indirect) : undefined;
    pass.dispatches.push({ compiled, group: this.#group(compiled, bound, uniforms), slot, workgroups, indirect });
  }

  #group(compiled: CompiledProgram, bound: readonly GpuBlock[], uniforms: GpuBlock): GPUBindGroup {
    const key = `${compiled.id}:${bound.map(({ id }) => id).join()}`;
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = this.#device.gpu.createBindGroup({
        label: compiled.program.name,
        layout: compiled.layout,
        entries: [
          { binding: 0, resource: { buffer: uniforms.buffer, size: SLOT } },
          ...bound.map(({ buffer }, i) => ({ binding: i + 1, resource: { buffer } })),
        ],
      });
      this.#groups.set(key, group);
    }
    return group;
  }

  /** Encodes everything recorded since the last submit, lets `finish` add copies, and submits. */
  submit(finish?: (encoder: GPUCommandEncoder) => void): void {
    const { gpu } = this.#device;
    const encoder = gpu.createCommandEncoder();
    if (this.#uniforms !== undefined && this.#slots > 0) {
      gpu.queue.writeBuffer(this.#uniforms.buffer, 0, this.#staging, 0, this.#slots * SLOT);
    }
    for (const { times, dispatches } of this.#passes) {
      const pass = encoder.beginComputePass(
        times === undefined
          ? {}
          : {
              timestampWrites: {
                querySet: times.querySet,
                beginningOfPassWriteIndex: times.begin,
                endOfPassWriteIndex: times.end,
              },
            },
      );
      let current: GPUComputePipeline | undefined;
      for (const { compiled, group, slot, workgroups, indirect } of dispatches) {
        if (compiled.pipeline !== current) pass.setPipeline(compiled.pipeline);
        current = compiled.pipeline;
        pass.setBindGroup(0, group, [slot]);
        if ("indirect" in workgroups && indirect !== undefined) {
          pass.dispatchWorkgroupsIndirect(indirect.buffer, workgroups.offset);
        } else if (!("indirect" in workgroups)) {
          pass.dispatchWorkgroups(...workgroups);
        }
      }
      pass.end();
    }
    finish?.(encoder);
    gpu.queue.submit([encoder.finish()]);
    this.#slots = 0;
    this.#passes = [];
  }

  /** Drops what was recorded and not submitted. */
  discard(): void {
    this.#slots = 0;
    this.#passes = [];
  }

  /** To be called after buffers were freed. */
  forgetGroups(): void {
    this.#groups.clear();
  }
}
