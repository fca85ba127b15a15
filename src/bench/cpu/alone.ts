import { Random } from "../../../kernels/random.ts";
import { Attention } from "../../engine/cpu/attention.ts";
import { Buffers } from "../../engine/cpu/buffers.ts";
import { Dense, type Projected } from "../../engine/cpu/dense.ts";
import { loadKernels } from "../../engine/cpu/kernels/load.ts";
import { KernelPool } from "../../engine/cpu/kernels/pool.ts";
import { FullPaths } from "../../engine/cpu/full-paths.ts";
import { KvCache } from "../../engine/cpu/kv-cache.ts";
import { RopeOfLayers } from "../../engine/cpu/rope-tables.ts";
import { Sessions } from "../../engine/cpu/session.ts";
import { StageClock } from "../../engine/cpu/stage-clock.ts";
import { MIXERS, type Mix } from "../../engine/cpu/mixers.ts";
import { mixerOf } from "../../engine/decoder/mixers.ts";
import { chooses, rolesOf, type LayerRole } from "../../engine/decoder/roles.ts";
import type { Runner } from "../../engine/engine.ts";
import type { FloatModel } from "../../engine/float-model.ts";
import { OracleSelection } from "../../engine/selection.ts";
import { shapeOf, type Shape } from "../../engine/shape.ts";
import { StageTimer } from "../../profile/stage-times.ts";

/** What one layer's attention reads: its projections chunk by chunk, and the cache that they fill. */
interface Operands {
  readonly chunks: readonly Projected[];
  readonly cache: KvCache;
}

/** On which values: those that the layers met in the model, or random ones of deviation 1. */
export type Values = "captured" | "random";

/** The attention of every layer of a model under one variant, on operands of a real run, without the model around it. */
export class AloneAttention {
  readonly #model: FloatModel;
  readonly #s: Shape;
  readonly #roles: readonly LayerRole[];
  /** By oracle, what it selects on captured and on random values. */
  readonly #selections = new Map<number, Readonly<Record<Values, OracleSelection>>>();
  readonly #operands: Record<Values, Operands[]> = { captured: [], random: [] };
  readonly #kernels: KernelPool;
  readonly #sessions: Sessions;
  readonly #buffers = new Buffers();
  readonly #attention: Attention;

  constructor(model: FloatModel, { plan }: Runner, threads: number) {
    this.#model = model;
    this.#s = shapeOf(model.architecture);
    this.#roles = rolesOf(plan, undefined);
    this.#kernels = new KernelPool(loadKernels().build, threads);
    this.#sessions = new Sessions(threads);
    const paths = new FullPaths(this.#s, this.#kernels, this.#sessions, "kernels");
    this.#attention = new Attention(this.#s, this.#kernels, paths, this.#buffers);
    const { Hkv, slots, B } = this.#s;
    plan.forEach((of, layer) => {
      if (!chooses(of)) return;
      const selection = (): OracleSelection => new OracleSelection(layer, Hkv, slots, 0, B);
      this.#selections.set(layer, { captured: selection(), random: selection() });
    });
  }

  isOracle(layer: number): boolean {
    return this.#selections.has(layer);
  }

  /** Runs the model once, in prefill chunks of `chunk`, and keeps what each layer's attention reads. */
  async capture(runner: Runner, tokens: Uint32Array, chunk: number): Promise<void> {
    const { hidden, B } = this.#s;
    const inputs = [...this.#roles, "output"].map(() => new Float32Array(tokens.length * hidden));
    await runner.prefill(tokens, {
      observer: { onLayerOutput: (layer, start, x) => inputs[layer + 1]?.set(x, start * hidden) },
    });
    runner.reset();

    const rope = new RopeOfLayers(this.#model.architecture);
    rope.reserve(tokens.length);
    const dense = new Dense(this.#model, this.#s, this.#sessions, new Buffers(), (layer) => rope.of(layer));
    inputs[0]?.set(dense.embed(tokens));
    const random = new Random(1);
    const noise: Pick<Projected, "q" | "k" | "v">[] = [];
    for (const [layer, role] of this.#roles.entries()) {
      const chunks: Projected[] = [];
      for (let start = 0; start < tokens.length; start += chunk) {
        const count = Math.min(chunk, tokens.length - start);
        const x = inputs[layer]!.subarray(start * hidden, (start + count) * hidden);
        const weights = this.#model.weights.layer(layer);
        const { q, k, v, gs, gw } = await dense.project(layer, x, start, count, weights, role);
        // They lie in buffers that the next projection writes over.
        const own = { q: q.slice(), k: k.slice(), v: v.slice(), gs: gs.slice(), gw: gw.slice(), extra: {} };
        chunks.push({ layer, start, count, ...own });
        if (layer > 0) continue;
        noise.push({ q: random.normals(q.length), k: random.normals(k.length), v: random.normals(v.length) });
      }
      const randomised = chunks.map((of, i) => ({ ...of, ...noise[i] }));
      this.#operands.captured.push(this.#filled(chunks, role, tokens.length));
      this.#operands.random.push(this.#filled(randomised, role, tokens.length));
      for (const selection of Object.values(this.#selections.get(layer) ?? {})) selection.reserve(tokens.length, B);
    }
  }

  #filled(chunks: readonly Projected[], { keeps }: LayerRole, tokens: number): Operands {
    const { Hkv, d } = this.#s;
    const cache = new KvCache(this.#kernels, Hkv, d, keeps);
    cache.reserve(tokens, 0);
    if (keeps.kind === "all") for (const { k, v, start, count } of chunks) cache.append(k, v, start, count);
    return { chunks, cache };
  }

  /** Attention of all layers over the whole prompt; milliseconds of each, on the clock that a run of the model has. */
  async run(values: Values): Promise<number[]> {
    const timer = new StageTimer(this.#roles.length);
    const clock = new StageClock({ observer: { onStage: timer.onStage } });
    for (const [layer, operands] of this.#operands[values].entries()) {
      for (const chunk of operands.chunks) await this.#layer(layer, chunk, operands.cache, values, clock);
    }
    return timer.per(1).map((stages) => stages.get("attend") ?? 0);
  }

  async #layer(layer: number, chunk: Projected, cache: KvCache, values: Values, clock: StageClock): Promise<void> {
    const role = this.#roles[layer]!;
    const into = this.#selections.get(layer)?.[values];
    await mixerOf(
      MIXERS,
      role.mixer,
    )({
      ...{ attention: this.#attention, clock, plan: role, projected: chunk, cache, decoding: false },
      weights: this.#model.weights.layer(layer),
      reads: this.#reads(role, chunk, values),
      scored: into === undefined ? undefined : { into, onScores: undefined },
      out: this.#buffers.get("o", chunk.q.length),
    });
  }

  #reads({ through }: LayerRole, { start, count }: Projected, values: Values): Mix["reads"] {
    if (through === undefined) return undefined;
    const { Hkv, slots } = this.#s;
    const from = this.#operands[values][through];
    // On random values too the blocks of the model's run: which are read together decides what a sparse layer costs.
    const chosen = this.#selections.get(through)?.captured;
    if (from === undefined || chosen === undefined) throw new Error(`layer ${through} chose no blocks`);
    return { cache: from.cache, blocks: chosen.blocks.subarray(start * Hkv * slots, (start + count) * Hkv * slots) };
  }

  async dispose(): Promise<void> {
    for (const { cache } of [...this.#operands.captured, ...this.#operands.random]) cache.clear();
    await this.#sessions.dispose();
    await this.#kernels.dispose();
  }
}
