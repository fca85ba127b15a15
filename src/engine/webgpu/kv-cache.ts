import { keptRows, type KeptStream } from "../../designs/plan.ts";
import type { LayerCache } from "../decoder/body.ts";
import type { GpuAllocator, GpuBlock } from "./allocator.ts";
import type { GpuDevice } from "./device.ts";

const HALF = 2;

/**
 * The KV cache of one layer: K and V [Hkv, rows, d] of 16 bits, rotated. A full layer has a row per token; a window is a
 * ring of as many rows as its plan keeps at most, positions in them by ringRow (it wraps only at its full size). Where the plan
 * keeps means of blocks, they lie beside them, [Hkv, blocks, d] of 16 bits; each is made once, when its block is full, and read
 * only by queries behind it, so a mark need not keep them.
 */
export class GpuKvCache implements LayerCache {
  readonly #device: GpuDevice;
  readonly #allocator: GpuAllocator;
  readonly #layer: number;
  readonly #kvHeads: number;
  readonly #headDim: number;
  readonly #keeps: KeptStream;
  #rows = 0;
  #k: GpuBlock | undefined;
  #v: GpuBlock | undefined;
  #means: GpuBlock | undefined;
  /** A ring as `mark` found it. */
  #marked: { readonly k: GpuBlock; readonly v: GpuBlock; readonly rows: number } | undefined;

  constructor(
    device: GpuDevice,
    allocator: GpuAllocator,
    layer: number,
    kvHeads: number,
    headDim: number,
    keeps: KeptStream,
  ) {
    this.#device = device;
    this.#allocator = allocator;
    this.#layer = layer;
    this.#kvHeads = kvHeads;
    this.#headDim = headDim;
    this.#keeps = keeps;
  }

  /** Rows per KV head: T of the kernels' layouts. */
  get rows(): number {
    return this.#rows;
  }

  get k(): GpuBlock {
    return allocated(this.#k);
  }

  get v(): GpuBlock {
    return allocated(this.#v);
  }

  get means(): GpuBlock {
    return allocated(this.#means);
  }

  /** Blocks that the means have room for. */
  get blocks(): number {
    return this.#blocksOf(this.#rows);
  }

  /** As allocated. */
  get bytes(): number {
    return (this.#k?.bytes ?? 0) + (this.#v?.bytes ?? 0) + (this.#means?.bytes ?? 0);
  }

  /** Blocks whose means are kept of so many rows. */
  #blocksOf(rows: number): number {
    return this.#keeps.kind === "all" && this.#keeps.means !== undefined ? Math.ceil(rows / this.#keeps.means) : 0;
  }

  async reserve(tokens: number, held: number): Promise<void> {
    const rows = keptRows(this.#keeps, tokens);
    if (rows <= this.#rows) return;
    const { k, v } = await this.#allocate(rows);
    const blocks = this.#blocksOf(rows);
    const means = blocks === 0 ? undefined : await this.#vectors(blocks);
    const keep = Math.min(held, this.#rows);
    if (means !== undefined) this.#copy(this.#means, this.blocks, means, blocks, this.#blocksOf(keep));
    this.#copy(this.#k, this.#rows, k, rows, keep);
    this.#copy(this.#v, this.#rows, v, rows, keep);
    this.#free();
    [this.#k, this.#v, this.#means, this.#rows] = [k, v, means, rows];
  }

  /** A ring; nothing of a full layer. */
  async mark(): Promise<void> {
    this.#forgetMark();
    if (this.#keeps.kind === "all") return;
    const { k, v } = await this.#allocate(this.#rows);
    this.#copy(this.#k, this.#rows, k, this.#rows, this.#rows);
    this.#copy(this.#v, this.#rows, v, this.#rows, this.#rows);
    this.#marked = { k, v, rows: this.#rows };
  }

  /** A ring that grew since had not wrapped, so its rows keep their places. */
  rewind(): void {
    if (this.#keeps.kind === "all") return;
    if (this.#marked === undefined) throw new Error("there is no mark to go back to");
    const { k, v, rows } = this.#marked;
    this.#copy(k, rows, this.k, this.#rows, rows);
    this.#copy(v, rows, this.v, this.#rows, rows);
  }

  async #allocate(rows: number): Promise<{ readonly k: GpuBlock; readonly v: GpuBlock }> {
    return { k: await this.#vectors(rows), v: await this.#vectors(rows) };
  }

  #vectors(rows: number): Promise<GpuBlock> {
    return this.#allocator.allocate("kv", this.#kvHeads * rows * this.#headDim * HALF, this.#layer);
  }

  /** Copies the first `used` rows of every head between buffers that hold `fromRows` and `toRows` of each. */
  #copy(from: GpuBlock | undefined, fromRows: number, to: GpuBlock, toRows: number, used: number): void {
    if (from === undefined || used === 0) return;
    const encoder = this.#device.gpu.createCommandEncoder();
    const row = this.#headDim * HALF;
    for (let head = 0; head < this.#kvHeads; head++) {
      encoder.copyBufferToBuffer(from.buffer, head * fromRows * row, to.buffer, head * toRows * row, used * row);
    }
    this.#device.gpu.queue.submit([encoder.finish()]);
  }

  clear(): void {
    this.#forgetMark();
    this.#free();
  }

  #free(): void {
    if (this.#k !== undefined) this.#allocator.free(this.#k);
    if (this.#v !== undefined) this.#allocator.free(this.#v);
    if (this.#means !== undefined) this.#allocator.free(this.#means);
    [this.#k, this.#v, this.#means, this.#rows] = [undefined, undefined, undefined, 0];
  }

  #forgetMark(): void {
    if (this.#marked === undefined) return;
    this.#allocator.free(this.#marked.k);
    this.#allocator.free(this.#marked.v);
    this.#marked = undefined;
  }
}

function allocated(block: GpuBlock | undefined): GpuBlock {
  if (block === undefined) throw new Error("the cache has no room yet");
  return block;
}
