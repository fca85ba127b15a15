import type { Model } from "../../model/model.ts";
import type { Ceilings, Engine, EngineInfo, LoadOptions, Runner, Variant } from "../engine.ts";
import { availableMemory } from "../machine.ts";
import { swapRefusal } from "../swap.ts";
import type { KvType } from "./attention.ts";
import { measureCeilings } from "./ceilings.ts";
import { estimateBytes } from "./estimate.ts";
import { ReferenceRunner } from "./runner.ts";

const DEFAULT_CHUNK = 256;

/**
 * The engine every other one is checked against: float64, one thread, plain loops, nothing but kernels/<op>/reference.ts.
 * Slow by design; no thing to profile with.
 */
export class ReferenceEngine implements Engine {
  readonly info: EngineInfo = {
    id: "reference",
    device: "float64 reference (plain loops)",
    threads: 1,
    dtype: "float64",
    kvBytesPerValue: Float64Array.BYTES_PER_ELEMENT,
    versions: { node: process.versions.node },
  };

  readonly #kvType: KvType | undefined;

  /** @param kvType rounds cached keys and values, to check engines whose caches hold 16 bits */
  constructor(kvType?: KvType) {
    this.#kvType = kvType;
  }

  /**
   * @throws RangeError when the chunk is not a positive whole number
   * @throws UserError when the model's schedule does not allow the swap
   */
  load(model: Model, variant: Variant, { chunk = DEFAULT_CHUNK, swap }: LoadOptions = {}): Promise<Runner> {
    if (!Number.isInteger(chunk) || chunk < 1) {
      return Promise.reject(new RangeError(`a chunk of ${chunk} queries is not a positive whole number`));
    }
    const refusal = swapRefusal(swap, variant, model.architecture);
    if (refusal !== undefined) return Promise.reject(refusal);
    return Promise.resolve(new ReferenceRunner(model, variant, { chunk, swap, kvType: this.#kvType }));
  }

  defaultChunk(): number {
    return DEFAULT_CHUNK;
  }

  /** For chunks of the default size; the model's weights, read in place, are not in it. */
  estimateBytes(model: Model, variant: Variant, tokens: number): number {
    return estimateBytes(model.architecture, variant, tokens, DEFAULT_CHUNK);
  }

  availableBytes(): number {
    return availableMemory();
  }

  measureCeilings(signal?: AbortSignal): Promise<Ceilings> {
    return measureCeilings(signal);
  }

  dispose(): Promise<void> {
    return Promise.resolve();
  }
}
