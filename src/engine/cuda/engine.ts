import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { z } from "zod";
import { asPlanned } from "../../designs/as-planned.ts";
import { planOf } from "../../designs/designs.ts";
import type { LayerPlan } from "../../designs/plan.ts";
import { UserError } from "../../model/errors.ts";
import { MOST_DECODED, MOST_TOKENS } from "../../model/limits.ts";
import type { Architecture } from "../../model/architecture.ts";
import type { Model } from "../../model/model.ts";
import { checkWeightsFit } from "../../model/weights-fit.ts";
import { admit } from "../decoder/admit.ts";
import { contextBytes } from "../decoder/estimate.ts";
import { declinedOf } from "../decoder/mixers.ts";
import { rolesOf } from "../decoder/roles.ts";
import { DecoderRunner } from "../decoder/runner.ts";
import type { Ceilings, DeviceMeter, Engine, EngineInfo, LoadOptions, Runner, Variant } from "../engine.ts";
import { shapeOf } from "../shape.ts";
import { weightBytes } from "../webgpu/weights.ts";
import type { CudaBlock } from "./block.ts";
import { measureCeilings, wake } from "./ceilings.ts";
import { CudaDecoder } from "./decoder.ts";
import { chooseDevice, driverVersion, listDevices, versionText } from "./devices.ts";
import { loadDriver, type CudaDriver } from "./driver.ts";
import { MIXERS } from "./mixers.ts";
import { CudaOps, PLAIN_WIDEST, type Arithmetic } from "./ops.ts";
import { CudaSession } from "./session.ts";
import { workspaceSizes } from "./sizes.ts";
import { CudaWeights } from "./weights.ts";

const HALF = 2;
const LARGEST_CHUNK = 2048;
const WARP = 32;

/** What the runners of one model share on the device. */
interface Loaded {
  readonly weights: CudaWeights;
  readonly frequencies: CudaBlock;
  users: number;
}

export interface CudaOptions {
  /** As the user wrote it. */
  readonly gpu?: string;
  /** `tensor` when absent. */
  readonly arithmetic?: Arithmetic;
  /** This machine's when absent. */
  readonly driver?: CudaDriver;
}

/** CUDA kernels on an NVIDIA card, through its driver alone. */
export class CudaEngine implements Engine {
  readonly info: EngineInfo;
  readonly #session: CudaSession;
  readonly #arithmetic: Arithmetic;
  readonly #models = new Map<Model, Promise<Loaded>>();

  private constructor(session: CudaSession, arithmetic: Arithmetic, info: EngineInfo) {
    this.#session = session;
    this.#arithmetic = arithmetic;
    this.info = info;
  }

  /** @throws UserError when there is no such card, or it cannot be used */
  static open({ gpu, arithmetic = "tensor", driver = loadDriver() }: CudaOptions = {}): Promise<CudaEngine> {
    if (driver === undefined) {
      throw new UserError("no NVIDIA GPU was found for the cuda engine (is NVIDIA's driver installed?)");
    }
    const device = chooseDevice(listDevices(driver), gpu);
    const session = new CudaSession(driver, device);
    const info: EngineInfo = {
      id: "cuda",
      device: device.name,
      threads: 1,
      dtype: "float16",
      kvBytesPerValue: HALF,
      versions: { koffi: koffiVersion(), node: process.versions.node },
      kernels:
        arithmetic === "plain"
          ? "plain products (no tensor cores)"
          : "products and full attention of prompts by wgmma, other attention by mma.sync (docs/cuda-benchmarks.md)",
      gpu: {
        index: device.index,
        address: device.address,
        backend: "cuda",
        driver: `CUDA ${versionText(driverVersion(driver))}`,
        arithmetic:
          arithmetic === "plain"
            ? "float32 products and sums"
            : "tensor cores, float16 products, float32 sums; float32 products for single rows",
        software: false,
        subgroupSize: WARP,
        freeBytes: session.context.memory().free,
      },
    };
    return Promise.resolve(new CudaEngine(session, arithmetic, info));
  }

  get meter(): DeviceMeter {
    return this.#session.allocator;
  }

  canRun(plan: readonly LayerPlan[]): string | undefined {
    return declinedOf(MIXERS, plan);
  }

  async load(model: Model, variant: Variant, options: LoadOptions = {}): Promise<Runner> {
    const { headDim } = model.architecture;
    const lacks = lacksFor(model.architecture);
    if (lacks !== undefined) {
      throw new UserError([
        `the cuda engine does not run decoders with ${lacks} yet; use `,
        { setting: "engine", value: "webgpu" },
        " or ",
        { setting: "engine", value: "cpu" },
      ]);
    }
    if (headDim > PLAIN_WIDEST) {
      throw new UserError([
        `the cuda engine runs heads of at most ${PLAIN_WIDEST} dimensions, and these have ${headDim}; use `,
        { setting: "engine", value: "cpu" },
      ]);
    }
    const plan = admit(this, model, variant, options);
    this.#session.context.assertSound();
    const loaded = await this.#share(model);
    const { weights, frequencies } = loaded;
    loaded.users++;
    const release = (): void => {
      if (--loaded.users > 0) return;
      this.#models.delete(model);
      weights.free();
      this.#session.allocator.free(frequencies);
      if (this.#models.size === 0) this.#session.workspace.clear();
    };
    const { chunk = this.defaultChunk(), swap } = options;
    const architecture = asPlanned(model.architecture, plan);
    const parts = { session: this.#session, ops: this.#opsOf(architecture), weights, frequencies: frequencies.address };
    const planned = { ...model, architecture };
    const body = new CudaDecoder(planned, rolesOf(plan, swap), swap, chunk, MOST_TOKENS + MOST_DECODED, parts, release);
    return new DecoderRunner({ variant, plan, vocabulary: architecture.vocabulary, chunk, swap }, body);
  }

  defaultChunk(): number {
    return LARGEST_CHUNK;
  }

  weightBytes(model: Model): number {
    return this.#models.has(model) ? 0 : weightBytes(model);
  }

  /** Of runs without a swap, whose observer asks neither for layers' values nor for all logits. */
  estimateBytes(model: Model, variant: Variant, tokens: number): number {
    const plan = planOf(model.architecture, variant);
    const rows = Math.min(tokens, this.defaultChunk());
    const ops = this.#opsOf(asPlanned(model.architecture, plan));
    const sizes = workspaceSizes(ops, rolesOf(plan, undefined), rows, tokens, true);
    const workspace = Object.values(sizes).reduce((sum, bytes) => sum + bytes, 0);
    return contextBytes(plan, model.architecture, tokens, HALF) + workspace;
  }

  availableBytes(): number {
    return this.#session.context.memory().free;
  }

  wake(): Promise<void> {
    return wake(this.#session);
  }

  measureCeilings(signal?: AbortSignal): Promise<Ceilings> {
    return measureCeilings(this.#session, signal);
  }

  dispose(): Promise<void> {
    this.#session.close();
    return Promise.resolve();
  }

  /** @param architecture as a plan has it */
  #opsOf(architecture: Architecture): CudaOps {
    return new CudaOps(this.#session.context, shapeOf(architecture), this.#arithmetic);
  }

  async #share(model: Model): Promise<Loaded> {
    const known = this.#models.get(model);
    if (known !== undefined) return known;
    checkWeightsFit(model, weightBytes(model), "16-bit floats", this.availableBytes(), "of device memory are free");
    const loading = upload(this.#session, model);
    this.#models.set(model, loading);
    loading.catch(() => this.#models.delete(model));
    return loading;
  }
}

/** What a decoder has that no kernel here computes; undefined where they compute all of it. */
function lacksFor({ qkvBias, headNorm, ropeFactors, ropeScale, noRope }: Architecture): string | undefined {
  if (qkvBias === true) return "biases of q, k and v";
  if (headNorm === true) return "norms of heads";
  if (ropeFactors !== undefined || ropeScale !== undefined) return "scaled RoPE";
  return noRope === undefined ? undefined : "layers without RoPE";
}

async function upload(session: CudaSession, model: Model): Promise<Loaded> {
  const { headDim, ropeBase } = model.architecture;
  const weights = await CudaWeights.upload(session, model);
  const values = Float64Array.from({ length: headDim / 2 }, (_, i) => ropeBase ** ((-2 * i) / headDim));
  const frequencies = session.allocator.allocate("weights", values.byteLength);
  session.context.upload(frequencies, values);
  return { weights, frequencies, users: 0 };
}

function koffiVersion(): string {
  const path = createRequire(import.meta.url).resolve("koffi/package.json");
  return z.object({ version: z.string() }).parse(JSON.parse(readFileSync(path, "utf8"))).version;
}
