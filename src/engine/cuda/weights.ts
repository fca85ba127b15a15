import type { LayerWeights, Model } from "../../model/model.ts";
import { PIECE, valueCount, type LazyTensor } from "../../model/tensor.ts";
import type { CudaBlock } from "./block.ts";
import type { CudaSession } from "./session.ts";

/** One layer's weights on the device. Matrices are 16-bit [out, in]; vectors are f32. */
export interface CudaLayer {
  readonly inputNorm: bigint;
  /** q | k | v | sparse gate | window gate, rows one under the other: mixers without gates read a beginning of it. */
  readonly projection: bigint;
  readonly output: bigint;
  readonly postNorm: bigint;
  /** gate | up */
  readonly gateUp: bigint;
  readonly down: bigint;
  readonly sparseSinks: bigint | undefined;
  readonly windowSinks: bigint | undefined;
}

/** A model's weights on the device, uploaded once and shared by its runners. */
export class CudaWeights {
  readonly #session: CudaSession;
  readonly #layers = new Map<LayerWeights, CudaLayer>();
  readonly #held: CudaBlock[] = [];
  #dense: { readonly embedding: bigint; readonly head: bigint; readonly finalNorm: bigint } | undefined;

  private constructor(session: CudaSession) {
    this.#session = session;
  }

  /** @throws UserError when the device has no room */
  static async upload(session: CudaSession, { weights, architecture }: Model): Promise<CudaWeights> {
    const self = new CudaWeights(session);
    try {
      const embedding = await self.#matrix([weights.embedding]);
      const head = weights.head === weights.embedding ? embedding : await self.#matrix([weights.head]);
      self.#dense = { embedding, head, finalNorm: await self.#vector(weights.finalNorm) };
      for (let i = 0; i < architecture.layers; i++) {
        const layer = weights.layer(i);
        if (!self.#layers.has(layer)) self.#layers.set(layer, await self.#layer(layer));
      }
    } catch (error) {
      self.free();
      throw error;
    }
    return self;
  }

  get dense(): { readonly embedding: bigint; readonly head: bigint; readonly finalNorm: bigint } {
    if (this.#dense === undefined) throw new Error("the weights were freed");
    return this.#dense;
  }

  layer(weights: LayerWeights): CudaLayer {
    const layer = this.#layers.get(weights);
    if (layer === undefined) throw new Error("the model returned a layer it did not have when it was loaded");
    return layer;
  }

  free(): void {
    for (const block of this.#held.splice(0)) this.#session.allocator.free(block);
    this.#layers.clear();
    this.#dense = undefined;
  }

  async #layer(weights: LayerWeights): Promise<CudaLayer> {
    const { sparse } = weights;
    const gates = sparse === undefined ? [] : [sparse.sparseGate, sparse.windowGate];
    return {
      inputNorm: await this.#vector(weights.inputNorm),
      projection: await this.#matrix([weights.q, weights.k, weights.v, ...gates]),
      output: await this.#matrix([weights.o]),
      postNorm: await this.#vector(weights.postNorm),
      gateUp: await this.#matrix([weights.gate, weights.up]),
      down: await this.#matrix([weights.down]),
      sparseSinks: sparse && (await this.#vector(sparse.sparseSinks)),
      windowSinks: sparse && (await this.#vector(sparse.windowSinks)),
    };
  }

  /** Matrices of one width, one under the other, as 16-bit floats. */
  async #matrix(parts: readonly LazyTensor[]): Promise<bigint> {
    const { address } = this.#allocate(2 * parts.reduce((sum, { shape }) => sum + valueCount(shape), 0));
    const piece = new Uint16Array(PIECE);
    let at = address;
    for (const part of parts) {
      const count = valueCount(part.shape);
      for (let from = 0; from < count; from += PIECE) {
        const halves = piece.subarray(0, Math.min(PIECE, count - from));
        await part.read(halves, from);
        this.#session.context.upload(at, halves);
        at += BigInt(halves.byteLength);
      }
    }
    return address;
  }

  async #vector(tensor: LazyTensor): Promise<bigint> {
    const values = new Float32Array(valueCount(tensor.shape));
    await tensor.read(values);
    const { address } = this.#allocate(values.byteLength);
    this.#session.context.upload(address, values);
    return address;
  }

  #allocate(bytes: number): CudaBlock {
    const block = this.#session.allocator.allocate("weights", bytes);
    this.#held.push(block);
    return block;
  }
}
