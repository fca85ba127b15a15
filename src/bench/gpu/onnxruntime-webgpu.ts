import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { GraphBuilder, type Value } from "../../engine/cpu/graph.ts";
import * as ort from "../../engine/cpu/onnxruntime.ts";
import { summarize } from "../../profile/statistics.ts";

/** One layer's attention: Hq query heads and Hkv KV heads of d values. */
export interface AttentionShape {
  readonly name: string;
  readonly Hq: number;
  readonly Hkv: number;
  readonly d: number;
}

export interface ProviderTime {
  readonly phase: "prefill" | "decode";
  readonly shape: string;
  /** Keys held when the last query is answered: T queries in a prefill, one in a decode step. */
  readonly T: number;
  readonly medianMs: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly dtype: "float16" | "float32";
  readonly method: "kernel timestamps" | "difference of chains";
}

export interface ProviderBenchOptions {
  readonly shapes: readonly AttentionShape[];
  readonly prefill: readonly number[];
  readonly decode: readonly number[];
  /** Timed runs, after a warm-up; at least 5 for a figure worth quoting. */
  readonly repetitions: number;
  readonly say: (line: string) => void;
}

type Phase = ProviderTime["phase"];
type Type = ProviderTime["dtype"];

interface Problem {
  readonly phase: Phase;
  readonly shape: AttentionShape;
  readonly T: number;
  readonly type: Type;
}

const TO: Readonly<Record<Type, number>> = { float32: 1, float16: 10 };
/** A step's time is the difference between chains of so many steps and of twice as many. */
const CHAIN = 8;
/** An idle GPU clocks down, to a fifth of its speed on some, and takes hundreds of milliseconds of work to come back. */
const WARM_UP_MS = 1000;
const OPERATOR = "GroupQueryAttention";

/** What the provider's trace says of one kernel; `dur` is microseconds between two timestamps of the device. */
const traceSchema = z.array(z.looseObject({ cat: z.string(), name: z.string(), dur: z.number() }));

/**
 * onnxruntime's own fused attention (com.microsoft GroupQueryAttention) on its WebGPU provider, in the provider's best
 * configuration (float16 where the device has it, no validation, no bounds checks), transfers excluded. A prefill is the
 * sum of the operator's kernels by the provider's own timestamps. A decode step is given twice, because the timestamps
 * put every kernel in a pass of its own and so add microseconds to each: by timestamps, and by the wall clock of chains
 * of steps on inputs that stay on the device, where the shorter chain's time cancels everything else.
 */
export async function onnxruntimeWebgpu(options: ProviderBenchOptions): Promise<ProviderTime[]> {
  const { shapes, prefill, decode, repetitions, say } = options;
  const type = (await takesFloat16()) ? "float16" : "float32";
  const rows: ProviderTime[] = [];
  const measure = async (problem: Problem, method: ProviderTime["method"]): Promise<void> => {
    const { phase, shape, T } = problem;
    const text = `onnxruntime WebGPU, ${phase}, ${shape.name}, ${T}, ${type}, ${method}`;
    try {
      const times = method === "kernel timestamps" ? kernelTimes : chainTimes;
      const { medianMs, minMs, maxMs } = summarize(await times(problem, repetitions));
      rows.push({ phase, shape: shape.name, T, medianMs, minMs, maxMs, dtype: type, method });
      say(`${text}: ${medianMs.toFixed(3)} (${minMs.toFixed(3)} to ${maxMs.toFixed(3)}) ms`);
    } catch (error) {
      // A length that does not fit the device costs its own row only.
      say(`${text}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  for (const shape of shapes) {
    for (const T of prefill) await measure({ phase: "prefill", shape, T, type }, "kernel timestamps");
    for (const T of decode) {
      await measure({ phase: "decode", shape, T, type }, "kernel timestamps");
      await measure({ phase: "decode", shape, T, type }, "difference of chains");
    }
  }
  return rows;
}

async function takesFloat16(): Promise<boolean> {
  const tiny = { name: "tiny", Hq: 1, Hkv: 1, d: 64 };
  try {
    await kernelTimes({ phase: "prefill", shape: tiny, T: 64, type: "float16" }, 1);
    return true;
  } catch {
    return false;
  }
}

/** Per run, milliseconds of the operator's kernels in the provider's profiling trace. */
async function kernelTimes(problem: Problem, repetitions: number): Promise<number[]> {
  const folder = mkdtempSync(join(tmpdir(), "onnxruntime-webgpu-"));
  try {
    const session = await createSession(chain(problem, 1), {
      enableProfiling: true,
      profileFilePrefix: join(folder, "trace"),
    });
    const resident = await Resident.create(problem);
    const run = async (): Promise<unknown> => session.run(resident.feeds);
    const warmUps = await warmUp(run);
    for (let i = 0; i < repetitions; i++) await run();
    session.endProfiling();
    await session.release();
    await resident.dispose();
    const [file] = readdirSync(folder);
    const trace = traceSchema.parse(JSON.parse(readFileSync(join(folder, file ?? ""), "utf8")));
    const kernels = trace.filter(({ cat, name }) => cat === "Api" && name.includes(`&${OPERATOR}&`));
    const each = kernels.length / (warmUps + repetitions);
    if (kernels.length === 0 || !Number.isInteger(each)) {
      throw new Error(`the trace holds ${kernels.length} kernels of ${warmUps + repetitions} runs`);
    }
    return Array.from({ length: repetitions }, (_, i) => {
      const first = (warmUps + i) * each;
      return kernels.slice(first, first + each).reduce((sum, { dur }) => sum + dur, 0) / 1000;
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Per round, milliseconds of one step: (2 CHAIN steps - CHAIN steps) / CHAIN. */
async function chainTimes(problem: Problem, repetitions: number): Promise<number[]> {
  const short = await createSession(chain(problem, CHAIN));
  const long = await createSession(chain(problem, 2 * CHAIN));
  const resident = await Resident.create(problem);
  const timed = async (session: ort.InferenceSession): Promise<number> => {
    const begin = performance.now();
    // The graph's output is read back, so the run ends when the device has finished.
    await session.run(resident.feeds);
    return performance.now() - begin;
  };
  const step = async (): Promise<number> => {
    const shorter = await timed(short);
    return ((await timed(long)) - shorter) / CHAIN;
  };
  await warmUp(step);
  const times: number[] = [];
  for (let round = 0; round < repetitions; round++) times.push(await step());
  await short.release();
  await long.release();
  await resident.dispose();
  return times;
}

/** Repeats `work` until the device runs at its working clock; how often that was, at least twice (compilation). */
async function warmUp(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  let count = 0;
  while (count < 2 || performance.now() - begin < WARM_UP_MS) {
    await work();
    count++;
  }
  return count;
}

/** `steps` attentions one after another, each one's output the next one's queries and its cache the next one's past. */
function chain({ phase, shape, T, type }: Problem, steps: number): GraphBuilder {
  const { Hq, Hkv, d } = shape;
  const C = phase === "prefill" ? T : 1;
  const g = new GraphBuilder("webgpu-attention");
  // An operation even where no cast is due: a cache that the graph made is updated in place, one that was fed is copied.
  const owned = (name: string, dims: readonly number[]): Value =>
    g.op(
      type === "float16" ? "Cast" : "Neg",
      [g.input(name, "float32", dims)],
      type === "float16" ? { to: TO[type] } : {},
    );
  let q = owned("q", [1, C, Hq * d]);
  const k = owned("k", [1, C, Hkv * d]);
  const v = owned("v", [1, C, Hkv * d]);
  const last = g.input("last", "int32", [1]);
  const total = g.input("total", "int32", [1]);
  const cache = [1, Hkv, T, d];
  let past: readonly Value[] = phase === "prefill" ? ["", ""] : [owned("pastK", cache), owned("pastV", cache)];
  for (let step = 0; step < steps; step++) {
    const [o, ...present] = g.ops(
      OPERATOR,
      [q, k, v, ...past, last, total],
      3,
      { num_heads: Hq, kv_num_heads: Hkv, scale: { float: 1 / Math.sqrt(d) } },
      "com.microsoft",
    );
    q = o ?? "";
    if (phase === "decode") past = present;
  }
  // One value per row suffices to wait for the device, and costs next to nothing to read back.
  g.output("o", g.op("Cast", [g.slice(q, 2, 0, 1)], { to: TO.float32 }), "float32", [1, C, 1]);
  return g;
}

/** Random inputs of a problem, on the device for as long as this lives. */
class Resident {
  readonly feeds: Readonly<Record<string, ort.Tensor>>;
  readonly #sessions: readonly ort.InferenceSession[];

  private constructor(feeds: Readonly<Record<string, ort.Tensor>>, sessions: readonly ort.InferenceSession[]) {
    this.feeds = feeds;
    this.#sessions = sessions;
  }

  static async create({ phase, shape, T }: Problem): Promise<Resident> {
    const { Hq, Hkv, d } = shape;
    const C = phase === "prefill" ? T : 1;
    const dims: Record<string, readonly number[]> = { q: [1, C, Hq * d], k: [1, C, Hkv * d], v: [1, C, Hkv * d] };
    if (phase === "decode") Object.assign(dims, { pastK: [1, Hkv, T, d], pastV: [1, Hkv, T, d] });
    const feeds: Record<string, ort.Tensor> = {
      last: new ort.Tensor("int32", Int32Array.of(T - 1), [1]),
      total: new ort.Tensor("int32", Int32Array.of(T), [1]),
    };
    const sessions: ort.InferenceSession[] = [];
    for (const [name, size] of Object.entries(dims)) {
      const g = new GraphBuilder("upload");
      g.output("on", g.op("Neg", [g.input("from", "float32", size)]), "float32", size);
      const session = await createSession(g, { preferredOutputLocation: "gpu-buffer" });
      const data = random(size.reduce((product, n) => product * n, 1));
      const { on } = await session.run({ from: new ort.Tensor("float32", data, size) });
      if (on === undefined) throw new Error("the provider returned no tensor on the device");
      feeds[name] = on;
      sessions.push(session);
    }
    return new Resident(feeds, sessions);
  }

  async dispose(): Promise<void> {
    for (const tensor of Object.values(this.feeds)) if (tensor.location === "gpu-buffer") tensor.dispose();
    for (const session of this.#sessions) await session.release();
  }
}

function createSession(graph: GraphBuilder, options: ort.SessionOptions = {}): Promise<ort.InferenceSession> {
  return ort.createSession(graph.build(), {
    ...options,
    executionProviders: [{ name: "webgpu", validationMode: "disabled", enableRobustness: false }],
  });
}

/** Uniform in [-2, 2); one period is drawn, since drawing a gigabyte would take longer than attending to it. */
function random(size: number): Float32Array {
  const data = new Float32Array(size);
  const period = Math.min(size, 1 << 20);
  for (let i = 0; i < period; i++) data[i] = 4 * Math.random() - 2;
  for (let filled = period; filled < size; filled *= 2) data.copyWithin(filled, 0, Math.min(filled, size - filled));
  return data;
}
