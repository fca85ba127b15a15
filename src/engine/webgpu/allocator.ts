import { UserError, words } from "../../model/errors.ts";
import { HeldBytes, heldFor, mib, SMALLER } from "../held-bytes.ts";
import { USAGE, type GpuDevice } from "./device.ts";

/** What device memory is held for. */
export const PURPOSES = ["weights", "kv", "activations", "scratch", "selection", "params", "readback"] as const;
export type Purpose = (typeof PURPOSES)[number];

/** A buffer of the device, with what it is for. */
export interface GpuBlock {
  readonly id: number;
  readonly buffer: GPUBuffer;
  /** Bytes asked for; the buffer is rounded up to whole words. */
  readonly bytes: number;
  readonly purpose: Purpose;
  readonly layer?: number;
}

const WORD = 4;

/** Every byte of device memory goes through here, so that it can be counted, bounded and given back. */
export class GpuAllocator extends HeldBytes {
  readonly #device: GpuDevice;
  readonly #held = new Map<number, GpuBlock>();
  #next = 0;

  constructor(device: GpuDevice) {
    super();
    this.#device = device;
  }

  /**
   * @throws UserError when the device cannot bind or hold so many bytes, with the numbers
   */
  async allocate(purpose: Purpose, bytes: number, layer?: number): Promise<GpuBlock> {
    const { gpu, traits, adapter } = this.#device;
    if (bytes > traits.maxBindingBytes) {
      throw new UserError(
        words`${heldFor(purpose, layer)} needs a buffer of ${mib(bytes)}; the maximum of the GPU ${adapter.name} is ${mib(traits.maxBindingBytes)}: ${SMALLER}`,
      );
    }
    gpu.pushErrorScope("out-of-memory");
    const usage =
      purpose === "readback"
        ? USAGE.mapRead | USAGE.copyTarget
        : purpose === "params"
          ? USAGE.uniform | USAGE.copyTarget
          : USAGE.storage | USAGE.copySource | USAGE.copyTarget | USAGE.indirect;
    const size = Math.max(WORD, Math.ceil(bytes / WORD) * WORD);
    const buffer = gpu.createBuffer({ label: heldFor(purpose, layer), size, usage });
    const failure = await gpu.popErrorScope().catch((error: unknown) => {
      throw this.#device.fault(error);
    });
    this.#device.assertSound();
    if (failure !== null) {
      buffer.destroy();
      throw new UserError(
        words`the GPU ${adapter.name} has no room for ${mib(bytes)} of ${heldFor(purpose, layer)} (${mib(this.bytes)} already in use): ${SMALLER}`,
      );
    }
    const block: GpuBlock = { id: this.#next++, buffer, bytes, purpose, ...(layer === undefined ? {} : { layer }) };
    this.#held.set(block.id, block);
    this.count(bytes);
    return block;
  }

  free(block: GpuBlock): void {
    if (!this.#held.delete(block.id)) return;
    this.count(-block.bytes);
    block.buffer.destroy();
  }

  freeAll(): void {
    for (const block of [...this.#held.values()]) this.free(block);
  }
}
