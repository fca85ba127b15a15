import type { LayerWeights, Model } from "../../model/model.ts";
import type { GpuAllocator, GpuBlock } from "./allocator.ts";
import type { GpuDevice } from "./device.ts";
import { toHalves } from "../../model/float16.ts";

/** Values converted and sent at once: bounds the staging memory, and lets the event loop breathe in between. */
const PIECE = 1 << 24;
/** Stands for "no sink": WGSL need not honour infinities, and exp of this is zero beside any logit. */
export const NO_SINK = -1e30;

/** One layer's weights on the device. Matrices are 16-bit [out, in]; vectors are f32. */
export interface LayerBlocks {
  readonly inputNorm: GpuBlock;
  /** q | k | v | sparse gate | window gate, rows one under the other: kinds without gates read a beginning of it. */
  readonly projection: GpuBlock;
  readonly output: GpuBlock;
  readonly postNorm: GpuBlock;
  /** gate | up */
  readonly gateUp: GpuBlock;
  readonly down: GpuBlock;
  readonly sparseSinks: GpuBlock | undefined;
  readonly windowSinks: GpuBlock | undefined;
  /** Of mixers whose window has no sinks in any model; the same for all layers. */
  readonly noSinks: GpuBlock;
}

/** A model's weights on the device, uploaded once and shared by its runners. */
export class GpuWeights {
  readonly #device: GpuDevice;
  readonly #allocator: GpuAllocator;
  readonly #layers = new Map<LayerWeights, LayerBlocks>();
  readonly #held: GpuBlock[] = [];
  #dense: { embedding: GpuBlock; head: GpuBlock; finalNorm: GpuBlock } | undefined;

  private constructor(device: GpuDevice, allocator: GpuAllocator) {
    this.#device = device;
    this.#allocator = allocator;
  }

  static async upload(
    device: GpuDevice,
    allocator: GpuAllocator,
    { weights, architecture }: Model,
  ): Promise<GpuWeights> {
    const self = new GpuWeights(device, allocator);
    try {
      const embedding = await self.#matrix([weights.embedding]);
      const head = weights.head === weights.embedding ? embedding : await self.#matrix([weights.head]);
      self.#dense = { embedding, head, finalNorm: await self.#vector(weights.finalNorm) };
      const noSinks = await self.#vector(new Float32Array(architecture.queryHeads).fill(NO_SINK));
      for (let i = 0; i < architecture.layers; i++) {
        const layer = weights.layer(i);
        if (!self.#layers.has(layer)) self.#layers.set(layer, await self.#layer(layer, noSinks));
      }
    } catch (error) {
      self.free();
      throw error;
    }
    return self;
  }

  get dense(): { readonly embedding: GpuBlock; readonly head: GpuBlock; readonly finalNorm: GpuBlock } {
    if (this.#dense === undefined) throw new Error("the weights were freed");
    return this.#dense;
  }

  layer(weights: LayerWeights): LayerBlocks {
    const blocks = this.#layers.get(weights);
    if (blocks === undefined) throw new Error("the model returned a layer it did not have when it was loaded");
    return blocks;
  }

  free(): void {
    for (const block of this.#held) this.#allocator.free(block);
    this.#held.length = 0;
    this.#layers.clear();
    this.#dense = undefined;
  }

  async #layer(weights: LayerWeights, noSinks: GpuBlock): Promise<LayerBlocks> {
    const { sparse } = weights;
    const gates = sparse === undefined ? [] : [sparse.sparseGate, sparse.windowGate];
    const sinks = (values: Float32Array): Promise<GpuBlock> =>
      this.#vector(values.map((value) => Math.max(value, NO_SINK)));
    return {
      inputNorm: await this.#vector(weights.inputNorm),
      projection: await this.#matrix([weights.q, weights.k, weights.v, ...gates]),
      output: await this.#matrix([weights.o]),
      postNorm: await this.#vector(weights.postNorm),
      gateUp: await this.#matrix([weights.gate, weights.up]),
      down: await this.#matrix([weights.down]),
      sparseSinks: sparse === undefined ? undefined : await sinks(sparse.sparseSinks),
      windowSinks: sparse === undefined ? undefined : await sinks(sparse.windowSinks),
      noSinks,
    };
  }

  /** Matrices of one width, one under the other, as 16-bit floats. */
  async #matrix(parts: readonly Float32Array[]): Promise<GpuBlock> {
    const count = parts.reduce((sum, part) => sum + part.length, 0);
    const block = await this.#allocate(2 * count);
    let at = 0;
    for (const part of parts) {
      for (let from = 0; from < part.length; from += PIECE) {
        const halves = toHalves(part.subarray(from, from + PIECE));
        this.#device.gpu.queue.writeBuffer(block.buffer, 2 * (at + from), halves);
        if (part.length > PIECE) await this.#device.gpu.queue.onSubmittedWorkDone();
      }
      at += part.length;
    }
    return block;
  }

  async #vector(values: Float32Array): Promise<GpuBlock> {
    const block = await this.#allocate(values.byteLength);
    this.#device.gpu.queue.writeBuffer(block.buffer, 0, new Float32Array(values));
    return block;
  }

  async #allocate(bytes: number): Promise<GpuBlock> {
    const block = await this.#allocator.allocate("weights", bytes);
    this.#held.push(block);
    return block;
  }
}

/** Bytes that `GpuWeights` will hold for a model. */
export function weightBytes({ weights, architecture }: Model): number {
  const seen = new Set<LayerWeights>();
  let bytes = 2 * weights.embedding.length + 4 * (weights.finalNorm.length + architecture.queryHeads);
  if (weights.head !== weights.embedding) bytes += 2 * weights.head.length;
  for (let i = 0; i < architecture.layers; i++) {
    const layer = weights.layer(i);
    if (seen.has(layer)) continue;
    seen.add(layer);
    const { q, k, v, o, gate, up, down, inputNorm, postNorm, sparse } = layer;
    const gates = sparse === undefined ? 0 : sparse.sparseGate.length + sparse.windowGate.length;
    const matrices = [q, k, v, o, gate, up, down].reduce((sum, { length }) => sum + length, gates);
    const sinks = sparse === undefined ? 0 : sparse.sparseSinks.length + sparse.windowSinks.length;
    bytes += 2 * matrices + 4 * (inputNorm.length + postNorm.length + sinks);
  }
  return bytes;
}
