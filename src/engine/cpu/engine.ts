import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import { z } from "zod";
import { asPlanned } from "../../designs/as-planned.ts";
import { planOf } from "../../designs/designs.ts";
import { gateOf, type BlockGate, type LayerPlan } from "../../designs/plan.ts";
import type { Architecture } from "../../model/architecture.ts";
import { extraBytes, withExtraWeights } from "../../model/extra-weights.ts";
import type { Model } from "../../model/model.ts";
import { admit } from "../decoder/admit.ts";
import { contextBytes } from "../decoder/estimate.ts";
import { declinedOf } from "../decoder/mixers.ts";
import { rolesOf } from "../decoder/roles.ts";
import { DecoderRunner } from "../decoder/runner.ts";
import type { Ceilings, Engine, EngineInfo, LoadOptions, Runner, Variant } from "../engine.ts";
import { measureCeilings } from "./ceilings.ts";
import { scoreFloats } from "./attention.ts";
import { branchFloats } from "./compression.ts";
import { CpuDecoder } from "./decoder.ts";
import { FullPaths, type FullPath } from "./full-paths.ts";
import { loadKernels, type LoadedKernels } from "./kernels/load.ts";
import { KernelPool } from "./kernels/pool.ts";
import { MIXERS } from "./mixers.ts";
import { floatBytes, floatModel } from "../float-model.ts";
import { availableMemory, defaultThreads } from "../machine.ts";
import { Sessions } from "./session.ts";
import { shapeOf, type Shape } from "../shape.ts";

const FLOAT = 4;
const LARGEST_CHUNK = 2048;
const SMALLEST_CHUNK = 64;
/** Floating-point operations of one graph call, so that a call (and with it a cancel) stays well under a second. */
const CALL_FLOPS = 4e10;

/**
 * Any machine, float32: attention on our own kernels, everything else on onnxruntime's CPU provider.
 */
export class CpuEngine implements Engine {
  readonly info: EngineInfo;
  /** Compiled graphs by shape; runners of one shape share them. */
  readonly #sessions = new Map<string, Sessions>();
  readonly #loadKernels: () => LoadedKernels;
  readonly #forced: FullPath | undefined;
  /** What runs full attention, by shape. */
  readonly #fullPaths = new Map<string, FullPaths>();
  #kernels: KernelPool;

  /**
   * @param load which build of the attention kernels; the best that runs here when absent
   * @param full what runs full attention. When absent the kernels do in their native x64 build, which was faster than
   *   anything else at every length measured (docs/benchmarks.md); elsewhere a trial decides
   */
  constructor(threads: number = defaultThreads(), load: () => LoadedKernels = loadKernels, full?: FullPath) {
    const { build, why } = load();
    this.#loadKernels = load;
    this.#forced = full ?? (build.kind === "native" && process.arch === "x64" ? "kernels" : undefined);
    const ofKernels = why === undefined ? build.name : `${build.name}, no native library (${why})`;
    const ofFull = (): readonly string[] => [...new Set([...this.#fullPaths.values()].map(({ text }) => text))];
    this.#kernels = new KernelPool(build, threads);
    this.info = {
      id: "cpu",
      device: os.cpus()[0]?.model.trim() ?? "unknown CPU",
      threads,
      dtype: "float32",
      kvBytesPerValue: FLOAT,
      versions: { "onnxruntime-node": onnxruntimeVersion(), node: process.versions.node },
      get kernels() {
        return [ofKernels, ...ofFull()].join("; ");
      },
    };
  }

  canRun(plan: readonly LayerPlan[]): string | undefined {
    return declinedOf(MIXERS, plan);
  }

  async load(model: Model, variant: Variant, options: LoadOptions = {}): Promise<Runner> {
    const plan = admit(this, model, variant, options);
    const architecture = asPlanned(model.architecture, plan);
    const floats = { ...(await floatModel(withExtraWeights(model, plan))), architecture };
    if (this.#kernels.failure !== undefined) {
      await this.#kernels.dispose();
      this.#fullPaths.clear();
      this.#kernels = new KernelPool(this.#loadKernels().build, this.info.threads);
    }
    const s = shapeOf(architecture);
    // What is compiled and tried for a shape depends neither on its window nor on how many blocks are read.
    const key = JSON.stringify({ ...s, w: undefined, slots: undefined });
    const sessions = this.#sessions.get(key) ?? new Sessions(this.info.threads);
    this.#sessions.set(key, sessions);
    const paths = this.#fullPaths.get(key) ?? new FullPaths(s, this.#kernels, sessions, this.#forced);
    this.#fullPaths.set(key, paths);
    await paths.decide();
    const { chunk = this.defaultChunk(model), swap } = options;
    const parts = { sessions, kernels: this.#kernels, fullPaths: paths };
    const body = new CpuDecoder(floats, rolesOf(plan, swap), swap, parts);
    return new DecoderRunner({ variant, plan, vocabulary: s.vocabulary, chunk, swap }, body);
  }

  defaultChunk(model: Model): number {
    return defaultChunk(model.architecture);
  }

  weightBytes(model: Model): number {
    return floatBytes(model);
  }

  estimateBytes(model: Model, variant: Variant, tokens: number): number {
    const plan = planOf(model.architecture, variant);
    const a = asPlanned(model.architecture, plan);
    const s = shapeOf(a);
    const rows = Math.min(tokens, defaultChunk(a));
    const scores = plan.some((layer) => layer.scores) ? scoreFloats(s.Hkv, s.B, rows, tokens) : 0;
    const own = Math.max(
      0,
      ...plan.map((layer) => (layer.gate === undefined ? 0 : choiceFloats(s, gateOf(layer), rows, tokens))),
    );
    const scratch = this.info.threads * scratchFloats(s, rows, tokens);
    const branches = Math.max(0, ...plan.map((layer) => branchFloats(s, layer, rows, tokens)));
    const weights = extraBytes(model, plan, FLOAT);
    const dense = rows * (3 * s.hidden + 4 * s.intermediate + 6 * s.Hq * s.d);
    const floats = scores + own + branches + scratch + dense + s.vocabulary;
    return contextBytes(plan, a, tokens, FLOAT) + weights + FLOAT * floats;
  }

  availableBytes(): number {
    return availableMemory();
  }

  measureCeilings(signal?: AbortSignal): Promise<Ceilings> {
    return measureCeilings(this.info.threads, this.#kernels, signal);
  }

  async dispose(): Promise<void> {
    await this.#kernels.dispose();
    for (const sessions of this.#sessions.values()) await sessions.dispose();
    this.#sessions.clear();
    this.#fullPaths.clear();
  }
}

/** Scores and lists of the query heads that choose for themselves. */
function choiceFloats({ Hq }: Shape, { block, top }: BlockGate, rows: number, tokens: number): number {
  return scoreFloats(Hq, block, rows, tokens) + rows * Hq * Math.min(top, Math.ceil(tokens / block));
}

/** Most floats that one thread of the attention kernels takes (job.h): state of a unit's rows, block maxima, a sort. */
function scratchFloats(s: Shape, rows: number, tokens: number): number {
  const blocks = Math.ceil(tokens / s.B);
  const unit = Math.min(1024, rows);
  const maxima = Math.min(unit * s.G, 384 + s.G * 8) * blocks;
  return unit * s.G * (s.d + 18) + unit * Math.min(s.slots, blocks) + maxima + 64 * (2 * s.d + 80) + blocks;
}

/** Queries per prefill chunk: as many as keep the widest matrix product of a call within its bound. */
function defaultChunk(a: Architecture): number {
  const widest = a.hidden * Math.max(3 * a.intermediate, (a.queryHeads + 2 * a.kvHeads) * a.headDim);
  const affordable = 2 ** Math.floor(Math.log2(CALL_FLOPS / (2 * widest)));
  return Math.min(LARGEST_CHUNK, Math.max(SMALLEST_CHUNK, affordable));
}

function onnxruntimeVersion(): string {
  const path = createRequire(import.meta.url).resolve("onnxruntime-node/package.json");
  return z.object({ version: z.string() }).parse(JSON.parse(readFileSync(path, "utf8"))).version;
}
