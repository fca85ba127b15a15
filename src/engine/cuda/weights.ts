import type { Model } from "../../model/model.ts";
import type { LazyTensor } from "../../model/tensor.ts";
import { DeviceWeights, halvesBytes, valuesOf, type LayerOnDevice } from "../device-weights.ts";
import type { CudaBlock } from "./block.ts";
import type { CudaSession } from "./session.ts";

/** One layer's weights, by their addresses. */
export type CudaLayer = LayerOnDevice<bigint>;

export class CudaWeights extends DeviceWeights<bigint, CudaLayer> {
  readonly #session: CudaSession;
  readonly #held: CudaBlock[] = [];

  private constructor(session: CudaSession) {
    super();
    this.#session = session;
  }

  /** @throws UserError when the device has no room */
  static async upload(session: CudaSession, model: Model): Promise<CudaWeights> {
    const self = new CudaWeights(session);
    await self.load(model);
    return self;
  }

  protected release(): void {
    for (const block of this.#held.splice(0)) this.#session.allocator.free(block);
  }

  protected complete(common: CudaLayer): Promise<CudaLayer> {
    return Promise.resolve(common);
  }

  protected async matrix(parts: readonly LazyTensor[]): Promise<bigint> {
    const { address } = this.#allocate(halvesBytes(parts));
    await this.sendHalves(parts, (halves, at) => this.#session.context.upload(address + BigInt(at), halves));
    return address;
  }

  protected async vector(tensor: LazyTensor): Promise<bigint> {
    const values = await valuesOf([tensor]);
    const { address } = this.#allocate(values.byteLength);
    this.#session.context.upload(address, values);
    return address;
  }

  protected sinks(tensor: LazyTensor): Promise<bigint> {
    return this.vector(tensor);
  }

  #allocate(bytes: number): CudaBlock {
    const block = this.#session.allocator.allocate("weights", bytes);
    this.#held.push(block);
    return block;
  }
}
