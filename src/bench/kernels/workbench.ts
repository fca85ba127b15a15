import type { GpuOp } from "../../../kernels/gpu-op.ts";
import { GpuAllocator, type GpuBlock } from "../../engine/webgpu/allocator.ts";
import type { GpuDevice } from "../../engine/webgpu/device.ts";
import { Recorder } from "../../engine/webgpu/recorder.ts";
import { download } from "../../engine/webgpu/readback.ts";
import { Waker } from "../../engine/webgpu/wake.ts";
import { Timestamps } from "../../engine/webgpu/timestamps.ts";

const WORD = 4;
/** Bits of a NaN in f32 and, twice, in f16: an element that a kernel should have written and did not is found. */
const NAN_BITS = 0x7e007e00 | 0x7f800000;
/** One per device: it learns once how much work it takes to wake it. */
const wakers = new WeakMap<GpuDevice, Waker>();

/** Buffers by name and an op to run on them. */
export class Workbench {
  readonly #device: GpuDevice;
  readonly #allocator: GpuAllocator;
  readonly #recorder: Recorder;
  readonly #waker: Waker;
  readonly #blocks = new Map<string, GpuBlock>();

  constructor(device: GpuDevice) {
    this.#device = device;
    this.#allocator = new GpuAllocator(device);
    this.#recorder = new Recorder(device, this.#allocator);
    const waker = wakers.get(device) ?? new Waker(device, new GpuAllocator(device));
    wakers.set(device, waker);
    this.#waker = waker;
  }

  async upload(name: string, data: ArrayBufferView): Promise<void> {
    const block = await this.#allocator.allocate("activations", data.byteLength);
    const bytes = new Uint8Array(Math.ceil(data.byteLength / WORD) * WORD);
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    this.#device.gpu.queue.writeBuffer(block.buffer, 0, bytes);
    this.#blocks.set(name, block);
  }

  /** A buffer that holds nothing but NaN. */
  async unwritten(name: string, bytes: number): Promise<void> {
    await this.repeat(name, bytes, new Uint32Array(1024).fill(NAN_BITS));
  }

  /** A buffer filled with repetitions of `pattern`. */
  async repeat(
    name: string,
    bytes: number,
    pattern: Uint32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>,
  ): Promise<void> {
    const block = await this.#allocator.allocate("activations", bytes);
    const whole = block.buffer.size;
    const first = Math.min(whole, pattern.byteLength);
    this.#device.gpu.queue.writeBuffer(block.buffer, 0, pattern.buffer, 0, first);
    const spare = await this.#allocator.allocate("activations", Math.max(first, Math.ceil(whole / 2)));
    const encoder = this.#device.gpu.createCommandEncoder();
    for (let filled = first; filled < whole; filled *= 2) {
      const more = Math.min(filled, whole - filled);
      encoder.copyBufferToBuffer(block.buffer, 0, spare.buffer, 0, more);
      encoder.copyBufferToBuffer(spare.buffer, 0, block.buffer, filled, more);
    }
    this.#device.gpu.queue.submit([encoder.finish()]);
    await this.#device.gpu.queue.onSubmittedWorkDone();
    this.#allocator.free(spare);
    this.#blocks.set(name, block);
  }

  /** Brings the device to its working clock. */
  wake(): Promise<void> {
    return this.#waker.wake();
  }

  /** Scratch of an op, poisoned. */
  async scratch<Run>(op: GpuOp<Run>, run: Run): Promise<void> {
    for (const [name, bytes] of Object.entries(op.scratch(run))) await this.unwritten(name, bytes);
  }

  /** Runs the op `times` times, each between two timestamps; milliseconds of each. */
  async run<Run>(op: GpuOp<Run>, run: Run, times = 1): Promise<number[]> {
    const dispatches = op.dispatches(run);
    await this.#recorder.reserve(dispatches.length * times);
    const clock = new Timestamps(this.#device, this.#allocator, times);
    const readback = await clock.readback();
    const resolve = (name: string): GpuBlock => {
      const block = this.#blocks.get(name);
      if (block === undefined) throw new Error(`the op asks for a buffer "${name}" that the case does not have`);
      return block;
    };
    for (let i = 0; i < times; i++) {
      this.#recorder.pass(clock.span());
      this.#recorder.add(dispatches, resolve);
    }
    this.#recorder.submit((encoder) => clock.resolve(encoder, readback));
    const spans = await clock.collect(readback);
    clock.destroy();
    this.#allocator.free(readback);
    return spans;
  }

  async read(name: string): Promise<ArrayBuffer> {
    const block = this.#blocks.get(name);
    if (block === undefined) throw new Error(`there is no buffer "${name}"`);
    return download(this.#device, this.#allocator, block, 0, block.buffer.size);
  }

  dispose(): void {
    this.#blocks.clear();
    this.#allocator.freeAll();
  }
}
