import { fmaPeakGpu } from "../../../kernels/ceilings/gpu.ts";
import type { GpuAllocator } from "./allocator.ts";
import type { GpuDevice } from "./device.ts";
import { Recorder } from "./recorder.ts";
import { Timestamps } from "./timestamps.ts";

const WAKE_MS = 400;
const MOST = 500;
const WORD = 4;

/**
 * Brings a device to its working clock: an idle GPU clocks down, some to a fifth of their speed, and needs hundreds of
 * milliseconds of full load to come back. Without this, what is timed first is timed wrong.
 */
export class Waker {
  readonly #device: GpuDevice;
  readonly #allocator: GpuAllocator;
  readonly #recorder: Recorder;
  #dispatches: number | undefined;

  constructor(device: GpuDevice, allocator: GpuAllocator) {
    this.#device = device;
    this.#allocator = allocator;
    this.#recorder = new Recorder(device, allocator);
  }

  /** Resolves when the device has worked for some hundred milliseconds; at once on a software device. */
  async wake(): Promise<void> {
    if (this.#device.adapter.software) return;
    const { op, run, buffers } = fmaPeakGpu(this.#device.traits, "f32");
    const sums = await this.#allocator.allocate("scratch", (buffers["sums"]?.values ?? 0) * WORD);
    try {
      await this.#recorder.reserve(MOST);
      const dispatch = op.dispatches(run);
      this.#dispatches ??= await this.#calibrate(() => this.#recorder.add(dispatch, () => sums));
      this.#recorder.pass();
      for (let i = 0; i < this.#dispatches; i++) this.#recorder.add(dispatch, () => sums);
      this.#recorder.submit();
      await this.#device.gpu.queue.onSubmittedWorkDone();
      this.#device.assertSound();
    } finally {
      this.#allocator.free(sums);
      this.#recorder.forgetGroups();
    }
  }

  /** How many dispatches take that long on this device, from one of them. */
  async #calibrate(add: () => void): Promise<number> {
    const clock = new Timestamps(this.#device, this.#allocator, 1);
    const readback = await clock.readback();
    try {
      this.#recorder.pass(clock.span());
      add();
      this.#recorder.submit((encoder) => clock.resolve(encoder, readback));
      const [ms = WAKE_MS] = await clock.collect(readback);
      return Math.max(1, Math.min(MOST, Math.ceil(WAKE_MS / ms)));
    } finally {
      clock.destroy();
      this.#allocator.free(readback);
    }
  }
}
