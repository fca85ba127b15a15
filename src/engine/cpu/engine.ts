import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import { z } from "zod";
import type { Architecture } from "../../model/architecture.ts";
import type { Model } from "../../model/model.ts";
import type { Ceilings, Engine, EngineInfo, LoadOptions, Runner, Variant } from "../engine.ts";
import { FULL_LOGIT_BYTES, fullQueries } from "./attention.ts";
import { measureCeilings } from "./ceilings.ts";
import { layerKinds } from "../kinds.ts";
import { CpuRunner } from "./runner.ts";
import { Sessions } from "./session.ts";
import { shapeOf } from "../shape.ts";
import { swapRefusal } from "../swap.ts";

const FLOAT = 4;
const LARGEST_CHUNK = 2048;
const SMALLEST_CHUNK = 64;
/** Floating-point operations of one graph call, so that a call (and with it a cancel) stays well under a second. */
const CALL_FLOPS = 4e10;

/** HySparse, full attention and hybrid SWA on onnxruntime's CPU provider: any machine, float32. */
export class CpuEngine implements Engine {
  readonly info: EngineInfo;
  /** Compiled graphs by shape; runners of one shape share them. */
  readonly #sessions = new Map<string, Sessions>();

  constructor(threads: number = os.availableParallelism()) {
    this.info = {
      id: "cpu",
      device: os.cpus()[0]?.model.trim() ?? "unknown CPU",
      threads,
      dtype: "float32",
      kvBytesPerValue: FLOAT,
      versions: { "onnxruntime-node": onnxruntimeVersion(), node: process.versions.node },
    };
  }

  /** @throws UserError when the model's schedule does not allow the swap */
  load(model: Model, variant: Variant, options: LoadOptions = {}): Promise<Runner> {
    const refusal = swapRefusal(options.swap, variant, model.architecture);
    if (refusal !== undefined) return Promise.reject(refusal);
    const key = JSON.stringify(shapeOf(model.architecture));
    const sessions = this.#sessions.get(key) ?? new Sessions(this.info.threads);
    this.#sessions.set(key, sessions);
    const chunk = options.chunk ?? this.defaultChunk(model);
    return Promise.resolve(new CpuRunner(model, variant, sessions, chunk, options.swap));
  }

  defaultChunk(model: Model): number {
    return defaultChunk(model.architecture);
  }

  estimateBytes(model: Model, variant: Variant, tokens: number): number {
    const a = model.architecture;
    const s = shapeOf(a);
    const rows = Math.min(tokens, defaultChunk(a));
    const kinds = layerKinds(a, variant);
    const cached = kinds.reduce((sum, kind) => sum + (kind === "full" ? tokens : Math.min(tokens, s.w)), 0);
    const kv = 2 * s.Hkv * s.d * cached;
    const selection = variant === "hysparse" ? 2 * kinds.length * tokens * s.Hkv * s.slots : 0;
    const logits = Math.min(FULL_LOGIT_BYTES / FLOAT, fullQueries(s, tokens) * s.G * tokens);
    const sparse = variant === "hysparse" ? rows * s.slots * (4 * s.G * s.d + 4 * s.d) : 0;
    const dense = rows * (3 * s.hidden + 4 * s.intermediate + 6 * s.Hq * s.d);
    return FLOAT * (kv + selection + 2 * logits + sparse + dense + s.vocabulary);
  }

  availableBytes(): number {
    return process.availableMemory();
  }

  measureCeilings(signal?: AbortSignal): Promise<Ceilings> {
    return measureCeilings(this.info.threads, signal);
  }

  async dispose(): Promise<void> {
    for (const sessions of this.#sessions.values()) await sessions.dispose();
    this.#sessions.clear();
  }
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
