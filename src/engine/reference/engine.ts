import { asPlanned } from "../../designs/as-planned.ts";
import { planOf } from "../../designs/designs.ts";
import type { LayerPlan } from "../../designs/plan.ts";
import { extraBytes, withExtraWeights } from "../../model/extra-weights.ts";
import type { Model } from "../../model/model.ts";
import { admit } from "../decoder/admit.ts";
import { declinedOf } from "../decoder/mixers.ts";
import { rolesOf } from "../decoder/roles.ts";
import { DecoderRunner } from "../decoder/runner.ts";
import type { Ceilings, Engine, EngineInfo, LoadOptions, Runner, Variant } from "../engine.ts";
import { floatBytes, floatModel } from "../float-model.ts";
import { availableMemory } from "../machine.ts";
import { measureCeilings } from "./ceilings.ts";
import { ReferenceDecoder } from "./decoder.ts";
import { estimateBytes } from "./estimate.ts";
import { MIXERS } from "./mixers.ts";
import type { KvType } from "./kv-type.ts";

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

  canRun(plan: readonly LayerPlan[]): string | undefined {
    return declinedOf(MIXERS, plan);
  }

  async load(model: Model, variant: Variant, options: LoadOptions = {}): Promise<Runner> {
    const plan = admit(this, model, variant, options);
    const { chunk = DEFAULT_CHUNK, swap } = options;
    const { vocabulary } = model.architecture;
    const architecture = asPlanned(model.architecture, plan);
    const floats = { ...(await floatModel(withExtraWeights(model, plan))), architecture };
    const body = new ReferenceDecoder(floats, rolesOf(plan, swap), swap, this.#kvType);
    return new DecoderRunner({ variant, plan, vocabulary, chunk, swap }, body);
  }

  defaultChunk(): number {
    return DEFAULT_CHUNK;
  }

  weightBytes(model: Model): number {
    return floatBytes(model);
  }

  /** For chunks of the default size; weights are not in it. */
  estimateBytes(model: Model, variant: Variant, tokens: number): number {
    const plan = planOf(model.architecture, variant);
    const weights = extraBytes(model, plan, Float32Array.BYTES_PER_ELEMENT);
    return weights + estimateBytes(asPlanned(model.architecture, plan), plan, tokens, DEFAULT_CHUNK);
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
