import * as ort from "./onnxruntime.ts";
import type { GraphBuilder } from "./graph.ts";

export type Tensor = ort.Tensor;
export type Feeds = Readonly<Record<string, Tensor>>;

/** A float32 tensor over `data` (no copy). */
export function floats(data: Float32Array, dims: readonly number[]): Tensor {
  return new ort.Tensor("float32", data, dims);
}

/** An int32 tensor over `data` (no copy). */
export function int32s(data: Int32Array, dims: readonly number[]): Tensor {
  return new ort.Tensor("int32", data, dims);
}

/** A one-dimensional int64 tensor. */
export function int64s(values: readonly number[]): Tensor {
  return new ort.Tensor("int64", BigInt64Array.from(values, BigInt), [values.length]);
}

/** An int64 scalar. */
export function int64(value: number): Tensor {
  return new ort.Tensor("int64", BigInt64Array.of(BigInt(value)), []);
}

/**
 * One compiled graph. Inputs are read and outputs written where the caller's arrays lie. (The binding also copies each
 * output into a new array that nobody reads: about 2 % of a prefill at the embedded shape, paid by every variant alike.)
 */
export class Session {
  readonly #session: ort.InferenceSession;

  private constructor(session: ort.InferenceSession) {
    this.#session = session;
  }

  static async create(graph: GraphBuilder, threads: number): Promise<Session> {
    return new Session(
      await ort.createSession(graph.build(), {
        executionProviders: ["cpu"],
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        graphOptimizationLevel: "all",
        // Patterns are remembered per input shape, and a prefill's shapes never repeat.
        enableMemPattern: false,
        // Every session has threads of its own. Left to spin after a run, they take the cores from the next session's:
        // that made a decode step four to eight times slower on two cores, and a prefill about twice.
        extra: { session: { intra_op: { allow_spinning: "0" } } },
      }),
    );
  }

  async run(feeds: Feeds, outputs: Feeds): Promise<void> {
    await this.#session.run(feeds, outputs);
  }

  async dispose(): Promise<void> {
    await this.#session.release();
  }
}

/** Compiled graphs by key, each built on first use. */
export class Sessions {
  readonly #threads: number;
  readonly #sessions = new Map<string, Promise<Session>>();

  constructor(threads: number) {
    this.#threads = threads;
  }

  get(key: string, build: () => GraphBuilder): Promise<Session> {
    let session = this.#sessions.get(key);
    if (session === undefined) {
      session = Session.create(build(), this.#threads);
      this.#sessions.set(key, session);
    }
    return session;
  }

  async dispose(): Promise<void> {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const session of sessions) await (await session).dispose();
  }
}
