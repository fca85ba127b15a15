import type { LayerWeights, Model } from "../../model/model.ts";
import type { GpuAllocator, GpuBlock } from "./allocator.ts";
import type { GpuDevice } from "./device.ts";
import { valueCount, type LazyTensor } from "../../model/tensor.ts";
import { DeviceWeights, halvesBytes, valuesOf, type LayerOnDevice } from "../device-weights.ts";

/** Bytes sent before the device is waited for: until then they lie in staging memory as well. */
const STAGED = 1 << 23;
/** Stands for "no sink": WGSL need not honour infinities, and exp of this is zero beside any logit. */
const NO_SINK = -1e30;

/** One layer's weights on the device. */
export interface LayerBlocks extends LayerOnDevice<GpuBlock> {
  /** Biases of q | k | v and the norms of a head's q | k, of what the decoder has. */
  readonly heads: GpuBlock | undefined;
  /** Of mixers whose window has no sinks in any model; the same for all layers. */
  readonly noSinks: GpuBlock;
}

export class GpuWeights extends DeviceWeights<GpuBlock, LayerBlocks> {
  readonly #device: GpuDevice;
  readonly #allocator: GpuAllocator;
  readonly #queryHeads: number;
  readonly #held: GpuBlock[] = [];
  #noSinks: GpuBlock | undefined;
  #staged = 0;

  private constructor(device: GpuDevice, allocator: GpuAllocator, queryHeads: number) {
    super();
    this.#device = device;
    this.#allocator = allocator;
    this.#queryHeads = queryHeads;
  }

  /** @throws UserError when the device has no room */
  static async upload(device: GpuDevice, allocator: GpuAllocator, model: Model): Promise<GpuWeights> {
    const self = new GpuWeights(device, allocator, model.architecture.queryHeads);
    await self.load(model);
    return self;
  }

  protected release(): void {
    for (const block of this.#held.splice(0)) this.#allocator.free(block);
    this.#noSinks = undefined;
  }

  protected async complete(common: LayerOnDevice<GpuBlock>, weights: LayerWeights): Promise<LayerBlocks> {
    this.#noSinks ??= await this.#values(new Float32Array(this.#queryHeads).fill(NO_SINK));
    return { ...common, heads: await this.#vectors(headTensors(weights)), noSinks: this.#noSinks };
  }

  protected async matrix(parts: readonly LazyTensor[]): Promise<GpuBlock> {
    const block = await this.#allocate(halvesBytes(parts));
    await this.sendHalves(parts, (halves, at) => this.#send(block, at, halves));
    return block;
  }

  protected async vector(tensor: LazyTensor): Promise<GpuBlock> {
    return this.#values(await valuesOf([tensor]));
  }

  protected async sinks(tensor: LazyTensor): Promise<GpuBlock> {
    return this.#values((await valuesOf([tensor])).map((value) => Math.max(value, NO_SINK)));
  }

  /** Vectors one behind the other, where there are any. */
  async #vectors(tensors: readonly LazyTensor[]): Promise<GpuBlock | undefined> {
    return tensors.length === 0 ? undefined : this.#values(await valuesOf(tensors));
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
