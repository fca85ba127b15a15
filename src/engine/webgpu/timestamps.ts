import type { GpuAllocator, GpuBlock } from "./allocator.ts";
import { USAGE, type GpuDevice } from "./device.ts";
import type { PassTimes } from "./recorder.ts";
import { readBlock } from "./readback.ts";

const TICK_BYTES = 8;
/** The most queries that one set may hold, by the WebGPU specification. */
const MOST = 4096;

/** One query set for a whole submission: spans are handed out in order and resolved together at its end. */
export class Timestamps {
  readonly #device: GpuDevice;
  readonly #set: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #allocator: GpuAllocator;
  readonly capacity: number;
  #used = 0;

  constructor(device: GpuDevice, allocator: GpuAllocator, spans: number) {
    this.#device = device;
    this.#allocator = allocator;
    this.capacity = Math.min(spans, MOST / 2);
    this.#set = device.gpu.createQuerySet({ type: "timestamp", count: 2 * this.capacity });
    this.#resolved = device.gpu.createBuffer({
      label: "timestamps",
      size: 2 * this.capacity * TICK_BYTES,
      usage: USAGE.queryResolve | USAGE.copySource,
    });
  }

  get used(): number {
    return this.#used;
  }

  /** The next span's queries. */
  span(): PassTimes {
    if (this.#used >= this.capacity) throw new Error(`more than ${this.capacity} spans in one submission`);
    const begin = 2 * this.#used++;
    return { querySet: this.#set, begin, end: begin + 1 };
  }

  /** To be encoded after the last pass. */
  resolve(encoder: GPUCommandEncoder, into: GpuBlock): void {
    encoder.resolveQuerySet(this.#set, 0, 2 * this.#used, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, into.buffer, 0, 2 * this.#used * TICK_BYTES);
  }

  /** Room for what `resolve` copies. */
  readback(): Promise<GpuBlock> {
    return this.#allocator.allocate("readback", 2 * this.capacity * TICK_BYTES);
  }

  /** Milliseconds of each span, in the order they were handed out; begins anew. */
  async collect(from: GpuBlock): Promise<number[]> {
    const spans = this.#used;
    this.#used = 0;
    if (spans === 0) return [];
    const ticks = new BigUint64Array(await readBlock(this.#device, from, 2 * spans * TICK_BYTES));
    this.#device.sawTicks(ticks);
    return Array.from({ length: spans }, (_, i) => Number(ticks[2 * i + 1]! - ticks[2 * i]!) / 1e6);
  }

  /** Hands the spans out anew, unread. */
  restart(): void {
    this.#used = 0;
  }

  destroy(): void {
    this.#set.destroy();
    this.#resolved.destroy();
  }
}
