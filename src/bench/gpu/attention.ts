import { packHalves } from "../../../kernels/half.ts";
import { Random } from "../../../kernels/random.ts";
import type { Architecture } from "../../model/architecture.ts";
import type { Samples } from "../../protocol/report.ts";
import { summarize } from "../../profile/statistics.ts";
import type { GpuBlock } from "../../engine/webgpu/allocator.ts";
import { activationSizes, makeOps, scratchSizes, type NamedOp, type Ops } from "../../engine/webgpu/ops.ts";
import { GpuSession } from "../../engine/webgpu/session.ts";
import { Timestamps } from "../../engine/webgpu/timestamps.ts";

const WORD = 4;
const HALF = 2;
/** Random values are drawn once and repeated: drawing gigabytes would take longer than timing. */
const PERIOD = 1 << 20;

/** Factor on ordinary logits: most softmax terms then lie below what the device's numbers hold, many where they are subnormal. */
export const LOUD = 50;

/** Times of one layer's attention, by part. */
export type AttentionTimes = Readonly<Record<"full" | "score" | "select" | "sparse" | "window", Samples>>;

/**
 * The attention of one oracle layer and one sparse layer at a model's shape, on random q, k and v (so that neighbouring
 * queries share no more blocks than chance makes them): the engine's own ops and buffers, without the rest of a layer.
 */
export class AttentionBench {
  readonly #session: GpuSession;
  readonly #ops: Ops;
  readonly #tokens: number;
  readonly #rows: number;
  readonly #blocks = new Map<string, GpuBlock>();

  private constructor(session: GpuSession, architecture: Architecture, tokens: number, rows: number) {
    this.#session = session;
    this.#ops = makeOps(architecture, session.device.traits);
    this.#tokens = tokens;
    this.#rows = rows;
  }

  /** @param rows queries per call; 1 times decode at position tokens - 1, more a whole prefill of `tokens` */
  static async create(
    session: GpuSession,
    architecture: Architecture,
    tokens: number,
    rows: number,
  ): Promise<AttentionBench> {
    const self = new AttentionBench(session, architecture, tokens, rows);
    await self.#allocate();
    return self;
  }

  async #allocate(): Promise<void> {
    const { workspace, recorder } = this.#session;
    const needs = { scores: true, sparse: true, window: true, restricted: false };
    await workspace.ensure("activations", activationSizes(this.#ops, this.#rows, this.#tokens, needs));
    await workspace.ensure("scratch", scratchSizes(this.#ops, this.#rows, this.#tokens, needs));
    await recorder.reserve(64);
    const { Hq, Hkv, d, w, slots } = this.#ops.shape;
    const halves = (rows: number): number => Hkv * rows * d * HALF;
    await this.#random("k", halves(this.#tokens), "f16");
    await this.#random("v", halves(this.#tokens), "f16");
    await this.#random("ringK", halves(w), "f16");
    await this.#random("ringV", halves(w), "f16");
    await this.#random("sinks", Hq * WORD, "f32");
    for (const name of ["blocks", "selected"]) await this.#block(name, this.#tokens * Hkv * slots * WORD);
    const half = packHalves(new Random(1).normals(PERIOD));
    this.#fillQueries(1);
    if (this.#rows > 1) for (const name of ["chunkK", "chunkV"]) this.#fill(workspace.get(name), half);
  }

  /** Random queries with logits of deviation `loudness`. */
  #fillQueries(loudness: number): void {
    this.#fill(this.#session.workspace.get("q"), new Float32Array(new Random(2).normals(PERIOD, loudness)));
  }

  async #block(name: string, bytes: number): Promise<GpuBlock> {
    const block = await this.#session.allocator.allocate("activations", bytes);
    this.#blocks.set(name, block);
    return block;
  }

  async #random(name: string, bytes: number, format: "f16" | "f32"): Promise<void> {
    const values = new Random(name.length + bytes).normals(PERIOD);
    this.#fill(await this.#block(name, bytes), format === "f16" ? packHalves(values) : new Float32Array(values));
  }

  #fill(block: GpuBlock, pattern: Uint16Array<ArrayBuffer> | Float32Array<ArrayBuffer>): void {
    const { queue } = this.#session.device.gpu;
    const whole = block.buffer.size;
    for (let at = 0; at < whole; at += pattern.byteLength) {
      queue.writeBuffer(block.buffer, at, pattern.buffer, 0, Math.min(pattern.byteLength, whole - at));
    }
  }

  /** `repetitions` rounds after a warm-up, the device at its working clock, all parts in every round. */
  async measure(repetitions: number): Promise<AttentionTimes> {
    const samples = noSamples();
    await this.#round();
    await this.#session.waker.wake();
    for (let round = 0; round < repetitions; round++) add(samples, await this.#round());
    return summaries(samples);
  }

  /** As `measure`, in every round once with ordinary logits and once with LOUD times as large ones. */
  async measureValues(repetitions: number): Promise<Readonly<Record<"ordinary" | "loud", AttentionTimes>>> {
    const samples = { ordinary: noSamples(), loud: noSamples() };
    await this.#round();
    await this.#session.waker.wake();
    for (let round = 0; round < repetitions; round++) {
      for (const [values, loudness] of [
        ["ordinary", 1],
        ["loud", LOUD],
      ] as const) {
        this.#fillQueries(loudness);
        add(samples[values], await this.#round());
      }
    }
    return { ordinary: summaries(samples.ordinary), loud: summaries(samples.loud) };
  }

  async #round(): Promise<Record<keyof AttentionTimes, number>> {
    const total = { full: 0, score: 0, select: 0, sparse: 0, window: 0 };
    if (this.#rows === 1) return this.#call(1, this.#tokens - 1);
    for (let start = 0; start < this.#tokens; start += this.#rows) {
      const times = await this.#call(Math.min(this.#rows, this.#tokens - start), start);
      for (const part of Object.keys(total) as (keyof AttentionTimes)[]) total[part] += times[part];
    }
    return total;
  }

  /** One call of each part in one submission, each between two timestamps of the device. */
  async #call(rows: number, start: number): Promise<Record<keyof AttentionTimes, number>> {
    const { device, allocator, recorder } = this.#session;
    const { full, fullDecode, topk, plan, sparse, window, decode } = this.#ops;
    const clock = new Timestamps(device, allocator, 8);
    const readback = await clock.readback();
    const room = this.#tokens;
    const ring = this.#ops.shape.w;
    const timed = (record: () => void): void => {
      recorder.pass(clock.span());
      record();
    };
    const chosen = { rows, start, firstRow: start };
    if (rows === 1) {
      timed(() => this.#run(fullDecode.plain, { position: start, room }, { out: "attended" }));
      timed(() => this.#run(fullDecode.scored, { position: start, room }, { out: "attended" }));
      timed(() => this.#run(topk, chosen, {}));
      timed(() => this.#run(decode.sparse, { position: start, room, ring, selectionRow: start }, {}));
      timed(() => this.#run(decode.window, { position: start, room: 0, ring, selectionRow: 0 }, {}));
    } else {
      timed(() => this.#run(full.plain, { rows, start, room }, { out: "attended" }));
      timed(() => this.#run(full.scored, { rows, start, room }, { out: "attended" }));
      timed(() => {
        this.#run(topk, chosen, {});
        this.#run(plan, chosen, {});
      });
      timed(() => this.#run(sparse, { ...chosen, room }, { out: "attendedSparse" }));
      timed(() => this.#run(window, { rows, start, ring }, { k: "chunkK", v: "chunkV", out: "attendedWindow" }));
    }
    recorder.submit((encoder) => clock.resolve(encoder, readback));
    const [plain = 0, score = 0, select = 0, sparseMs = 0, windowMs = 0] = await clock.collect(readback);
    clock.destroy();
    allocator.free(readback);
    return { full: plain, score, select, sparse: sparseMs, window: windowMs };
  }

  /** An op's buffer by its name: renamed, or a cache of this bench, or an activation, or its scratch. */
  #run<Run>({ id, op }: NamedOp<Run>, run: Run, renamed: Readonly<Record<string, string>>): void {
    const { recorder, workspace } = this.#session;
    const scratch = new Set(Object.keys(op.scratch(run)));
    recorder.add(op.dispatches(run), (name) => {
      if (scratch.has(name)) return workspace.get(`${id}.${name}`);
      const meant = renamed[name] ?? ALIASES[name] ?? name;
      return this.#blocks.get(meant) ?? workspace.get(meant);
    });
  }

  dispose(): void {
    for (const block of this.#blocks.values()) this.#session.allocator.free(block);
    this.#session.workspace.clear();
    this.#session.recorder.forgetGroups();
  }
}

const ALIASES: Readonly<Record<string, string>> = {
  sparseSinks: "sinks",
  windowSinks: "sinks",
  outSparse: "attendedSparse",
  outWindow: "attendedWindow",
};

type PartSamples = Record<keyof AttentionTimes, number[]>;

function noSamples(): PartSamples {
  return { full: [], score: [], select: [], sparse: [], window: [] };
}

function add(samples: PartSamples, times: Readonly<Record<keyof AttentionTimes, number>>): void {
  for (const part of Object.keys(samples) as (keyof AttentionTimes)[]) samples[part].push(times[part]);
}

function summaries({ full, score, select, sparse, window }: PartSamples): AttentionTimes {
  return {
    full: summarize(full),
    score: summarize(score),
    select: summarize(select),
    sparse: summarize(sparse),
    window: summarize(window),
  };
}
