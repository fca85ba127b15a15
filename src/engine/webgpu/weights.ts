import type { LayerWeights, Model } from "../../model/model.ts";
import type { GpuAllocator, GpuBlock } from "./allocator.ts";
import type { GpuDevice } from "./device.ts";
import { PIECE, valueCount, type LazyTensor } from "../../model/tensor.ts";

/** Bytes sent before the device is waited for: until then they lie in staging memory as well. */
const STAGED = 1 << 23;
/** Stands for "no sink": WGSL need not honour infinities, and exp of this is zero beside any logit. */
const NO_SINK = -1e30;

/** One layer's weights on the device. Matrices are 16-bit [out, in]; vectors are f32. */
export interface LayerBlocks {
  readonly inputNorm: GpuBlock;
  /** q | k | v | sparse gate | window gate, rows one under the other: kinds without gates read a beginning of it. */
  readonly projection: GpuBlock;
  /** Biases of q | k | v and the norms of a head's q | k, of what the decoder has. */
  readonly heads: GpuBlock | undefined;
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
  /** What matrices are read into, piece by piece, on their way to the device. */
  #piece = new Uint16Array(PIECE);
  #staged = 0;
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
      const noSinks = await self.#values(new Float32Array(architecture.queryHeads).fill(NO_SINK));
      for (let i = 0; i < architecture.layers; i++) {
        const layer = weights.layer(i);
        if (!self.#layers.has(layer)) self.#layers.set(layer, await self.#layer(layer, noSinks));
      }
      self.#piece = new Uint16Array();
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
    return {
      inputNorm: await this.#vector(weights.inputNorm),
      projection: await this.#matrix([weights.q, weights.k, weights.v, ...gates]),
      heads: await this.#vectors(headTensors(weights)),
      output: await this.#matrix([weights.o]),
      postNorm: await this.#vector(weights.postNorm),
      gateUp: await this.#matrix([weights.gate, weights.up]),
      down: await this.#matrix([weights.down]),
      sparseSinks: sparse === undefined ? undefined : await this.#vector(sparse.sparseSinks, NO_SINK),
      windowSinks: sparse === undefined ? undefined : await this.#vector(sparse.windowSinks, NO_SINK),
      noSinks,
    };
  }

  /** Matrices of one width, one under the other, as 16-bit floats. */
  async #matrix(parts: readonly LazyTensor[]): Promise<GpuBlock> {
    const block = await this.#allocate(2 * parts.reduce((sum, { shape }) => sum + valueCount(shape), 0));
    let at = 0;
    for (const part of parts) {
      const count = valueCount(part.shape);
      for (let from = 0; from < count; from += PIECE) {
        const halves = this.#piece.subarray(0, Math.min(PIECE, count - from));
        await part.read(halves, from);
        await this.#send(block, at, halves);
        at += halves.byteLength;
      }
    }
    return block;
  }

  /** @param least what smaller values are raised to */
  async #vector(tensor: LazyTensor, least = -Infinity): Promise<GpuBlock> {
    const values = new Float32Array(valueCount(tensor.shape));
    await tensor.read(values);
    return this.#values(values.map((value) => Math.max(value, least)));
  }

  /** Vectors one behind the other, where there are any. */
  async #vectors(tensors: readonly LazyTensor[]): Promise<GpuBlock | undefined> {
    if (tensors.length === 0) return undefined;
    const values = new Float32Array(tensors.reduce((sum, { shape }) => sum + valueCount(shape), 0));
    let at = 0;
    for (const tensor of tensors) {
      const count = valueCount(tensor.shape);
      await tensor.read(values.subarray(at, at + count));
      at += count;
    }
    return this.#values(values);
  }

  async #values(values: Float32Array<ArrayBuffer>): Promise<GpuBlock> {
    const block = await this.#allocate(values.byteLength);
    await this.#send(block, 0, values);
    return block;
  }

  /** The values are copied before this returns. */
  async #send(
    block: GpuBlock,
    at: number,
    values: Uint16Array<ArrayBuffer> | Float32Array<ArrayBuffer>,
  ): Promise<void> {
    const { queue } = this.#device.gpu;
    queue.writeBuffer(block.buffer, at, values);
    this.#staged += values.byteLength;
    if (this.#staged < STAGED) return;
    this.#staged = 0;
    await queue.onSubmittedWorkDone();
  }

  async #allocate(bytes: number): Promise<GpuBlock> {
    const block = await this.#allocator.allocate("weights", bytes);
    this.#held.push(block);
    return block;
  }
}

/** What kernels/head-norm takes, in its order. */
function headTensors({ qBias, kBias, vBias, qNorm, kNorm }: LayerWeights): LazyTensor[] {
  return [qBias, kBias, vBias, qNorm, kNorm].filter((tensor) => tensor !== undefined);
}

/** Bytes that `GpuWeights` will hold for a model. */
export function weightBytes({ weights, architecture }: Model): number {
  const seen = new Set<LayerWeights>();
  const size = (tensor: LazyTensor): number => valueCount(tensor.shape);
  let bytes = 2 * size(weights.embedding) + 4 * (size(weights.finalNorm) + architecture.queryHeads);
  if (weights.head !== weights.embedding) bytes += 2 * size(weights.head);
  for (let i = 0; i < architecture.layers; i++) {
    const layer = weights.layer(i);
    if (seen.has(layer)) continue;
    seen.add(layer);
    const { q, k, v, o, gate, up, down, inputNorm, postNorm, sparse } = layer;
    const total = (tensors: readonly LazyTensor[]): number => tensors.reduce((sum, tensor) => sum + size(tensor), 0);
    const gates = sparse === undefined ? [] : [sparse.sparseGate, sparse.windowGate];
    const sinks = sparse === undefined ? [] : [sparse.sparseSinks, sparse.windowSinks];
    bytes +=
      2 * total([q, k, v, o, gate, up, down, ...gates]) +
      4 * total([inputNorm, postNorm, ...headTensors(layer), ...sinks]);
  }
  return bytes;
}
