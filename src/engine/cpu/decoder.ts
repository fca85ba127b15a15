import { streamsOf } from "../../designs/plan.ts";
import { decodes, type Chunk, type DecoderBody, type Run } from "../decoder/body.ts";
import { CacheSet } from "../decoder/cache-set.ts";
import { HostSelections } from "../decoder/host-selections.ts";
import { mixerOf } from "../decoder/mixers.ts";
import { chooses, emitsScores, type LayerRole } from "../decoder/roles.ts";
import type { RunOptions, SelectionSwap } from "../engine.ts";
import type { FloatModel } from "../float-model.ts";
import { shapeOf, type Shape } from "../shape.ts";
import { Attention } from "./attention.ts";
import { Buffers } from "./buffers.ts";
import { Compression } from "./compression.ts";
import { Dense } from "./dense.ts";
import type { FullPaths } from "./full-paths.ts";
import type { KernelPool } from "./kernels/pool.ts";
import { KvCache } from "./kv-cache.ts";
import { MIXERS, type Mix } from "./mixers.ts";
import { RopeOfLayers } from "./rope-tables.ts";
import type { Sessions } from "./session.ts";
import { StageClock } from "./stage-clock.ts";
import { tellProjected } from "./tell.ts";

/** What the runners of one shape share. */
export interface CpuParts {
  readonly sessions: Sessions;
  readonly kernels: KernelPool;
  readonly fullPaths: FullPaths;
}

/** A model on the CPU: attention on our own kernels, everything else on onnxruntime's CPU provider. */
export class CpuDecoder implements DecoderBody {
  readonly caches: readonly CacheSet[];
  readonly selections: HostSelections;
  readonly mostTokens = Infinity;
  readonly apart = true;
  readonly #model: FloatModel;
  readonly #roles: readonly LayerRole[];
  readonly #s: Shape;
  readonly #buffers = new Buffers();
  readonly #attention: Attention;
  readonly #compression: Compression;
  readonly #streams: readonly (readonly KvCache[])[];
  readonly #dense: Dense;
  readonly #rope: RopeOfLayers;
  #clock = new StageClock({});
  /** Hidden states of the chunk that passes through, [C, hidden]. */
  #x: Float32Array = new Float32Array(0);

  constructor(
    model: FloatModel,
    roles: readonly LayerRole[],
    swap: SelectionSwap | undefined,
    { sessions, kernels, fullPaths }: CpuParts,
  ) {
    const a = model.architecture;
    this.#model = model;
    this.#roles = roles;
    this.#s = shapeOf(a);
    this.#attention = new Attention(this.#s, kernels, fullPaths, this.#buffers);
    this.#streams = roles.map((role) =>
      streamsOf(role).map((stream) => new KvCache(kernels, a.kvHeads, a.headDim, stream)),
    );
    this.caches = this.#streams.map((streams) => new CacheSet(streams));
    this.selections = new HostSelections(roles, a, swap);
    this.#rope = new RopeOfLayers(a);
    this.#dense = new Dense(model, this.#s, sessions, this.#buffers, (layer) => this.#rope.of(layer));
    this.#compression = new Compression(this.#s, kernels, this.#dense, this.#buffers);
  }

  roomChanged(tokens: number): void {
    this.#rope.reserve(tokens);
  }

  begin(run: Run): void {
    this.#clock = new StageClock(run.options);
  }

  embed(tokens: Uint32Array): void {
    this.#x = this.#dense.embed(tokens);
  }

  async layer(index: number, chunk: Chunk, run: Run): Promise<void> {
    const { options } = run;
    const clock = this.#clock;
    const weights = this.#model.weights.layer(index);
    const role = this.#roles[index]!;
    const [cache, ...more] = this.#streams[index] as readonly [KvCache, ...KvCache[]];
    const { start, rows } = chunk;
    const x = this.#x;
    const projected = await clock.time(index, "project", async () => {
      const result = await this.#dense.project(index, x, start, rows, weights, role);
      if (role.keeps.kind === "all") cache.append(result.k, result.v, start, rows);
      return result;
    });
    tellProjected(options, projected, this.#s, this.#buffers);

    const out = this.#buffers.get("o", projected.q.length);
    await mixerOf(
      MIXERS,
      role.mixer,
    )({
      ...{ attention: this.#attention, clock, plan: role, projected, weights, cache, out },
      further: { caches: more, compression: this.#compression },
      decoding: decodes(run),
      reads: this.#reads(index, role, chunk),
      scored: this.#scored(index, role, options),
    });
    if (chooses(role)) await clock.time(index, "select", () => this.selections.chose(index, chunk));

    const y = await clock.time(index, "output", () => this.#dense.output(x, out, rows, weights));
    this.#x = await clock.time(index, "mlp", () => this.#dense.mlp(y, rows, weights));
    options.observer?.onLayerOutput?.(index, start, this.#x);
    run.advance(1);
  }

  logitsOf(from: number, count: number): Promise<Float32Array> {
    const { hidden, vocabulary } = this.#s;
    const logits = this.#buffers.get("told-logits", count * vocabulary);
    return this.#dense.logits(this.#x.subarray(from * hidden, (from + count) * hidden), logits);
  }

  lastLogits(): Promise<Float32Array> {
    const { hidden, vocabulary } = this.#s;
    return this.#dense.logits(this.#x.subarray(-hidden), new Float32Array(vocabulary));
  }

  free(): void {
    this.#x = new Float32Array(0);
    this.#buffers.clear();
    this.#dense.clear();
  }

  #reads(index: number, role: LayerRole, chunk: Chunk): Mix["reads"] {
    if (role.through === undefined || role.silent) return undefined;
    const cache = this.#streams[role.restricted ? index : role.through]![0]!;
    return { cache, blocks: this.selections.readThrough(role.through, chunk) };
  }

  #scored(index: number, role: LayerRole, { observer }: RunOptions): Mix["scored"] {
    if (!emitsScores(role, observer?.onScores !== undefined)) return undefined;
    return { into: this.selections.of(index), onScores: observer?.onScores?.bind(observer) };
  }
}
