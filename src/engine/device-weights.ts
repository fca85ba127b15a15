import type { LayerWeights, Model } from "../model/model.ts";
import { PIECE, valueCount, type LazyTensor } from "../model/tensor.ts";

/** One layer's weights on a device, as its engine names them (`Handle`). Matrices are 16-bit [out, in]; vectors are f32. */
export interface LayerOnDevice<Handle> {
  readonly inputNorm: Handle;
  /** q | k | v | sparse gate | window gate, rows one under the other: mixers without gates read a beginning of it. */
  readonly projection: Handle;
  readonly output: Handle;
  readonly postNorm: Handle;
  /** gate | up */
  readonly gateUp: Handle;
  readonly down: Handle;
  readonly sparseSinks: Handle | undefined;
  readonly windowSinks: Handle | undefined;
}

/** The weights that belong to no layer. */
export interface DenseOnDevice<Handle> {
  readonly embedding: Handle;
  readonly head: Handle;
  readonly finalNorm: Handle;
}

/** Bytes of so many matrices, one under the other, as 16-bit floats. */
export function halvesBytes(parts: readonly LazyTensor[]): number {
  return 2 * parts.reduce((sum, { shape }) => sum + valueCount(shape), 0);
}

/** The values of tensors, one behind the other. */
export async function valuesOf(tensors: readonly LazyTensor[]): Promise<Float32Array<ArrayBuffer>> {
  const values = new Float32Array(tensors.reduce((sum, { shape }) => sum + valueCount(shape), 0));
  let at = 0;
  for (const tensor of tensors) {
    const count = valueCount(tensor.shape);
    await tensor.read(values.subarray(at, at + count));
    at += count;
  }
  return values;
}

/** A model's weights on a device, uploaded once and shared by its runners; equal layers are held once. */
export abstract class DeviceWeights<Handle, Layer extends LayerOnDevice<Handle>> {
  readonly #layers = new Map<LayerWeights, Layer>();
  #dense: DenseOnDevice<Handle> | undefined;
  /** One for all matrices: what each would leave behind adds up to a tenth of the weights before it is collected. */
  #piece = new Uint16Array();

  /** Matrices of one width, one under the other, as 16-bit floats. */
  protected abstract matrix(parts: readonly LazyTensor[]): Promise<Handle>;
  protected abstract vector(tensor: LazyTensor): Promise<Handle>;
  protected abstract sinks(tensor: LazyTensor): Promise<Handle>;
  /** What the engine has of a layer beside what all have. */
  protected abstract complete(common: LayerOnDevice<Handle>, weights: LayerWeights): Promise<Layer>;
  /** Gives the device's memory back. */
  protected abstract release(): void;

  /** @throws UserError when the device has no room; nothing is held then */
  protected async load({ weights, architecture }: Model): Promise<void> {
    try {
      const embedding = await this.matrix([weights.embedding]);
      const head = weights.head === weights.embedding ? embedding : await this.matrix([weights.head]);
      this.#dense = { embedding, head, finalNorm: await this.vector(weights.finalNorm) };
      for (let i = 0; i < architecture.layers; i++) {
        const layer = weights.layer(i);
        if (!this.#layers.has(layer)) this.#layers.set(layer, await this.complete(await this.#common(layer), layer));
      }
    } catch (error) {
      this.free();
      throw error;
    } finally {
      this.#piece = new Uint16Array();
    }
  }

  get dense(): DenseOnDevice<Handle> {
    if (this.#dense === undefined) throw new Error("the weights were freed");
    return this.#dense;
  }

  layer(weights: LayerWeights): Layer {
    const layer = this.#layers.get(weights);
    if (layer === undefined) throw new Error("the model returned a layer it did not have when it was loaded");
    return layer;
  }

  free(): void {
    this.release();
    this.#layers.clear();
    this.#dense = undefined;
  }

  async #common(weights: LayerWeights): Promise<LayerOnDevice<Handle>> {
    const { sparse } = weights;
    const gates = sparse === undefined ? [] : [sparse.sparseGate, sparse.windowGate];
    return {
      inputNorm: await this.vector(weights.inputNorm),
      projection: await this.matrix([weights.q, weights.k, weights.v, ...gates]),
      output: await this.matrix([weights.o]),
      postNorm: await this.vector(weights.postNorm),
      gateUp: await this.matrix([weights.gate, weights.up]),
      down: await this.matrix([weights.down]),
      sparseSinks: sparse && (await this.sinks(sparse.sparseSinks)),
      windowSinks: sparse && (await this.sinks(sparse.windowSinks)),
    };
  }

  /** Reads matrices as 16-bit floats, piece by piece. @param send is given the same array again, and where it belongs in bytes */
  protected async sendHalves(
    parts: readonly LazyTensor[],
    send: (halves: Uint16Array<ArrayBuffer>, at: number) => void | Promise<void>,
  ): Promise<void> {
    const most = Math.min(PIECE, halvesBytes(parts) / 2);
    if (this.#piece.length < most) this.#piece = new Uint16Array(most);
    let at = 0;
    for (const part of parts) {
      const count = valueCount(part.shape);
      for (let from = 0; from < count; from += PIECE) {
        const halves = this.#piece.subarray(0, Math.min(PIECE, count - from));
        await part.read(halves, from);
        await send(halves, at);
        at += halves.byteLength;
      }
    }
  }
}
