import type { GpuAllocator, GpuBlock } from "./allocator.ts";
import type { GpuDevice } from "./device.ts";

const HALF = 2;

/**
 * The KV cache of one layer: K and V [Hkv, rows, d] of 16 bits, rotated. A full layer has a row per token; a window has
 * at most `window` rows and is a ring: position p lies in row p mod rows (it wraps only at its full size).
 */
export class GpuKvCache {
  readonly #device: GpuDevice;
  readonly #allocator: GpuAllocator;
  readonly #layer: number;
  readonly #kvHeads: number;
  readonly #headDim: number;
  readonly #window: number;
  #rows = 0;
  #k: GpuBlock | undefined;
  #v: GpuBlock | undefined;

  constructor(
    device: GpuDevice,
    allocator: GpuAllocator,
    layer: number,
    kvHeads: number,
    headDim: number,
    window = Infinity,
  ) {
    this.#device = device;
    this.#allocator = allocator;
    this.#layer = layer;
    this.#kvHeads = kvHeads;
    this.#headDim = headDim;
    this.#window = window;
  }

  /** Rows per KV head: T of the kernels' layouts. */
  get rows(): number {
    return this.#rows;
  }

  get k(): GpuBlock {
    return held(this.#k);
  }

  get v(): GpuBlock {
    return held(this.#v);
  }

  /** As allocated. */
  get bytes(): number {
    return (this.#k?.bytes ?? 0) + (this.#v?.bytes ?? 0);
  }

  /** Makes room for `tokens` in all, keeping the rows of the first `used`. Whether buffers were replaced. */
  async reserve(tokens: number, used: number): Promise<boolean> {
    const rows = Math.min(tokens, this.#window);
    if (rows <= this.#rows) return false;
    const bytes = this.#kvHeads * rows * this.#headDim * HALF;
    const [k, v] = [
      await this.#allocator.allocate("kv", bytes, this.#layer),
      await this.#allocator.allocate("kv", bytes, this.#layer),
    ];
    this.#copy(this.#k, k, Math.min(used, this.#rows), rows);
    this.#copy(this.#v, v, Math.min(used, this.#rows), rows);
    this.clear();
    [this.#k, this.#v, this.#rows] = [k, v, rows];
    return true;
  }

  #copy(from: GpuBlock | undefined, to: GpuBlock, used: number, rows: number): void {
    if (from === undefined || used === 0) return;
    const encoder = this.#device.gpu.createCommandEncoder();
    const row = this.#headDim * HALF;
    for (let head = 0; head < this.#kvHeads; head++) {
      encoder.copyBufferToBuffer(from.buffer, head * this.#rows * row, to.buffer, head * rows * row, used * row);
    }
    this.#device.gpu.queue.submit([encoder.finish()]);
  }

  clear(): void {
    if (this.#k !== undefined) this.#allocator.free(this.#k);
    if (this.#v !== undefined) this.#allocator.free(this.#v);
    [this.#k, this.#v, this.#rows] = [undefined, undefined, 0];
  }
}

function held(block: GpuBlock | undefined): GpuBlock {
  if (block === undefined) throw new Error("the cache has no room yet");
  return block;
}
