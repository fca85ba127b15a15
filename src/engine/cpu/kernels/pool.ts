import { Worker } from "node:worker_threads";
import type { KernelBuild, KernelMemory, Prepared } from "./build.ts";
import type { Call } from "./call.ts";
import { CONTROL, CONTROL_WORDS, HELPER } from "./helper.ts";

/** A call may keep the event loop, and with it a cancel, waiting for so long. */
const TURN_MS = 20;
/** How long this thread sleeps before it looks whether a helper that it waits for still lives. */
const LOOK_MS = 100;
/** Waking the helpers takes tens of microseconds, in which one thread does about so many operations. */
const ALONE_FLOPS = 2e6;

/**
 * The attention kernels on a number of threads: the caller's, and helpers that sleep between calls.
 */
export class KernelPool implements KernelMemory {
  readonly build: KernelBuild;
  readonly threads: number;
  readonly #control = new Int32Array(new SharedArrayBuffer(4 * CONTROL_WORDS));
  readonly #helpers: Worker[] = [];
  #failure: Error | undefined;
  /** The call under way: others wait for it, since they share the job's memory. */
  #last: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(build: KernelBuild, threads: number) {
    this.build = build;
    this.threads = Math.min(threads, CONTROL_WORDS - CONTROL.scratch);
  }

  /** Why no further call can succeed: a helper thread ended. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  floats(count: number): Float32Array {
    return this.build.floats(count);
  }

  release(array: Float32Array): void {
    this.build.release(array);
  }

  /**
   * Computes `call`; cancels between its units.
   * @throws the signal's reason; an Error that says how a helper thread ended, here and in all calls that follow
   */
  run(call: Call, signal?: AbortSignal): Promise<void> {
    const result = this.#last.then(() => this.#run(call, signal));
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #run(call: Call, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure;
    const prepared = this.build.prepare(call, this.threads, this.#control);
    const helpers = prepared.units > 1 && this.threads > 1 && flopsOf(call) > ALONE_FLOPS;
    if (helpers) this.#wake();
    let turn = performance.now();
    try {
      while (prepared.work(1) > 0) {
        if (performance.now() - turn < TURN_MS) continue;
        await nextTurn();
        signal?.throwIfAborted();
        turn = performance.now();
      }
    } finally {
      if (helpers) await this.#wait(prepared);
    }
    prepared.finish();
  }

  #wake(): void {
    while (this.#helpers.length < this.threads - 1) this.#start(this.#helpers.length + 1);
    Atomics.store(this.#control, CONTROL.done, 0);
    Atomics.add(this.#control, CONTROL.wake, 1);
    Atomics.notify(this.#control, CONTROL.wake);
  }

  #start(index: number): void {
    const workerData = { control: this.#control, index, ...this.build.helperData(index) };
    const helper = new Worker(HELPER, { eval: true, execArgv: [], workerData });
    helper.unref();
    const ended = (how: string): void => {
      if (!this.#ended) this.#failure ??= new Error(`a thread of the attention kernels ended: ${how}`);
    };
    helper.on("error", (error) => ended(error.message));
    helper.on("exit", (code) => ended(`exit code ${code}`));
    this.#helpers.push(helper);
  }

  /** Until every helper has said that it found no unit any more. */
  async #wait(prepared: Prepared): Promise<void> {
    prepared.stop();
    for (;;) {
      const done = Atomics.load(this.#control, CONTROL.done);
      if (done >= this.#helpers.length) return;
      if (Atomics.wait(this.#control, CONTROL.done, done, LOOK_MS) !== "timed-out") continue;
      await nextTurn();
      if (this.#failure !== undefined) throw this.#failure;
    }
  }

  async dispose(): Promise<void> {
    this.#ended = true;
    Atomics.store(this.#control, CONTROL.stop, 1);
    Atomics.add(this.#control, CONTROL.wake, 1);
    Atomics.notify(this.#control, CONTROL.wake);
    await Promise.all(this.#helpers.map((helper) => helper.terminate()));
    this.#helpers.length = 0;
    this.build.dispose();
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Roughly. */
function flopsOf({ op, start, count, heads, G, d, B, slots = 1, window = 1 }: Call): number {
  const end = start + count;
  if (op === "peak" || op === "read") return Infinity;
  if (op === "topk") return (4 * count * heads * end) / B;
  if (op === "gate") return (2 * count * heads * d * end) / B;
  if (op === "means") return 2 * count * heads * d;
  const keys = { sparse: Math.min(slots * B, end), window: Math.min(window, end), full: (start + end) / 2 }[op];
  return 4 * count * heads * G * d * keys;
}
