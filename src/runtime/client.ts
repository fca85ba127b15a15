import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { CancellationTokenSource, ResponseError } from "vscode-jsonrpc/node";
import { z } from "zod";
import { messageOf, UserError } from "../model/errors.ts";
import {
  devicesSchema,
  ERROR_CODE,
  profileResultSchema,
  type Devices,
  type ProfileParams,
  type ProfileResult,
  type Progress,
  type SoFar,
} from "../protocol/jobs.ts";
import { Joined } from "./joined.ts";
import { RuntimeProcess } from "./process.ts";
import { errorDataSchema, METHOD } from "./rpc.ts";
import { Cancelled, RuntimeFault, type Runtime, type RuntimeState } from "./runtime.ts";

/** How long a cancelled job may take to stop by itself before its process is ended. */
const GRACE_MS = 500;

export interface RuntimeClientOptions {
  /** The module of the process: runtime/server. */
  readonly module: URL | string;
  /** The Node.js executable; this process's own when absent. */
  readonly execPath?: string;
  /** Arguments of Node.js before the module; this process's own when absent. */
  readonly execArgv?: readonly string[];
  /** Changes to this process's environment; undefined removes a variable. */
  readonly env?: NodeJS.ProcessEnv;
  /** Ends the process after so long without a call; never when absent. */
  readonly idleMs?: number;
  /** How long the process may take to answer first. */
  readonly startMs?: number;
  /** Gets what the process prints, line by line, and what becomes of it. */
  readonly log?: (line: string) => void;
}

/** Owns the runtime process: see Runtime. */
export class RuntimeClient implements Runtime {
  readonly #options: RuntimeClientOptions;
  readonly #listeners = new Set<(state: RuntimeState) => void>();
  #process: RuntimeProcess | undefined;
  /** Of the process there is. */
  #isReady = false;
  /** The state while there is no process. */
  #rest: "stopped" | "failed" = "stopped";
  #state: RuntimeState = "stopped";
  /** From the call to its end, and from when the process is asked. */
  #profile: "none" | "waiting" | "running" = "none";
  #calls = 0;
  #idle: NodeJS.Timeout | undefined;
  #disposed = false;

  constructor(options: RuntimeClientOptions) {
    this.#options = options;
  }

  get state(): RuntimeState {
    return this.#state;
  }

  /** Of the process, while there is one. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  onState(listener: (state: RuntimeState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  devices(): Promise<Devices> {
    return this.#call(async () => {
      const process = await this.#running();
      return understood(devicesSchema, await process.request(METHOD.devices, {}));
    });
  }

  async profile(
    params: ProfileParams,
    onProgress: (progress: Progress) => void,
    signal: AbortSignal,
    onFound?: (soFar: SoFar) => void,
  ): Promise<ProfileResult> {
    if (isAborted(signal)) throw new Cancelled();
    if (this.#profile !== "none") {
      throw new UserError("a document is already being profiled: stop it, or wait until it is done");
    }
    this.#profile = "waiting";
    try {
      return await this.#call(() => this.#profileUntil(params, onProgress, signal, onFound));
    } catch (error) {
      // However the process answered or ended: who asked to stop wants to know nothing else.
      throw isAborted(signal) ? new Cancelled() : error;
    } finally {
      this.#profile = "none";
      this.#update();
    }
  }

  dispose(): void {
    this.#disposed = true;
    if (this.#process !== undefined) this.#end(this.#process);
    this.#listeners.clear();
  }

  /** The job of a process that may still have to start. Rejects within GRACE_MS of the signal, whatever happens. */
  #profileUntil(
    params: ProfileParams,
    onProgress: (progress: Progress) => void,
    signal: AbortSignal,
    onFound: ((soFar: SoFar) => void) | undefined,
  ): Promise<ProfileResult> {
    return new Promise((resolve, reject) => {
      const source = new CancellationTokenSource();
      let asked: RuntimeProcess | undefined;
      let grace: NodeJS.Timeout | undefined;
      const cancel = (): void => {
        source.cancel();
        // A process that is still starting will be there for the next call.
        if (asked === undefined) reject(new Cancelled());
        else grace = setTimeout(giveUp, GRACE_MS, asked);
      };
      const giveUp = (process: RuntimeProcess): void => {
        this.#end(process);
        reject(new Cancelled());
      };
      // One that died while nobody asked anything of it may not be known to be dead yet: such a call starts another.
      const known = this.#process;
      let heard = false;
      const work = async (): Promise<ProfileResult> => {
        asked = await this.#running();
        if (isAborted(signal)) throw new Cancelled();
        this.#profile = "running";
        this.#update();
        const listening = asked.onProgress((progress) => {
          heard = true;
          if (!isAborted(signal)) onProgress(progress);
        });
        const joined = new Joined();
        const finding = asked.onFound((found) => {
          const soFar = joined.add(found);
          if (soFar !== undefined && !isAborted(signal)) onFound?.(soFar);
        });
        try {
          const result = understood(profileResultSchema, await asked.request(METHOD.profile, params, source.token));
          if (isAborted(signal)) throw new Cancelled();
          return result;
        } finally {
          listening.dispose();
          finding.dispose();
        }
      };
      const again = (error: unknown): Promise<ProfileResult> => {
        if (heard || isAborted(signal) || asked === undefined || asked !== known || !known.gone) throw error;
        this.#forget(known, "failed");
        return work();
      };
      signal.addEventListener("abort", cancel, { once: true });
      work()
        .catch(again)
        .then(resolve, reject)
        .finally(() => {
          clearTimeout(grace);
          signal.removeEventListener("abort", cancel);
          source.dispose();
        });
    });
  }

  async #call<T>(work: () => Promise<T>): Promise<T> {
    if (this.#disposed) throw new RuntimeFault("the runtime was shut down", "");
    this.#calls++;
    clearTimeout(this.#idle);
    try {
      return await work();
    } catch (error) {
      throw translated(error);
    } finally {
      this.#calls--;
      this.#startIdling();
    }
  }

  /** A process that has shaken hands. */
  async #running(): Promise<RuntimeProcess> {
    if (this.#process?.gone === true) this.#forget(this.#process, "failed");
    const process = this.#process ?? this.#start();
    await process.ready;
    return process;
  }

  #start(): RuntimeProcess {
    const { module, execPath = process.execPath, execArgv = process.execArgv, env, startMs } = this.#options;
    if (this.#options.execPath !== undefined && !existsSync(execPath)) {
      throw new UserError(`cannot start the runtime: no Node.js executable at ${execPath}`);
    }
    const started = new RuntimeProcess({
      module: module instanceof URL ? fileURLToPath(module) : module,
      execPath,
      execArgv,
      env: { ...process.env, ...env },
      ...(startMs === undefined ? {} : { startMs }),
      log: (line) => this.#options.log?.(line),
    });
    this.#process = started;
    this.#isReady = false;
    this.#update();
    started.ready.then(
      () => {
        if (this.#process !== started) return;
        this.#isReady = true;
        this.#update();
        this.#startIdling();
      },
      () => this.#forget(started, "failed"),
    );
    void started.ended.then(() => this.#forget(started, "failed"));
    return started;
  }

  #startIdling(): void {
    const { idleMs } = this.#options;
    const process = this.#process;
    clearTimeout(this.#idle);
    if (idleMs === undefined || process === undefined || this.#calls > 0) return;
    this.#idle = setTimeout(() => this.#end(process), idleMs).unref();
  }

  #end(process: RuntimeProcess): void {
    process.kill();
    this.#forget(process, "stopped");
  }

  #forget(process: RuntimeProcess, rest: "stopped" | "failed"): void {
    if (this.#process !== process) return;
    clearTimeout(this.#idle);
    this.#process = undefined;
    this.#rest = rest;
    this.#update();
  }

  #update(): void {
    const state =
      this.#process === undefined
        ? this.#rest
        : !this.#isReady
          ? "starting"
          : this.#profile === "running"
            ? "busy"
            : "ready";
    if (state === this.#state) return;
    this.#state = state;
    for (const listener of [...this.#listeners]) listener(state);
  }
}

/** Asked anew each time: the compiler takes a property that it has seen once for unchanging. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

/** @throws RuntimeFault when the process answered something else */
function understood<T>(schema: z.ZodType<T>, answer: unknown): T {
  const known = schema.safeParse(answer);
  if (known.success) return known.data;
  throw new RuntimeFault(`invalid answer from the runtime: ${z.prettifyError(known.error)}`, "");
}

/** Errors as Runtime promises them. */
function translated(error: unknown): Error {
  if (error instanceof UserError || error instanceof Cancelled || error instanceof RuntimeFault) return error;
  if (error instanceof ResponseError) {
    if (error.code === ERROR_CODE.cancelled) return new Cancelled();
    const { data } = errorDataSchema.safeParse(error.data);
    if (error.code === ERROR_CODE.user || error.code === ERROR_CODE.busy) {
      return new UserError(data?.words ?? error.message);
    }
    const fault = new RuntimeFault(error.message, "");
    if (data?.stack !== undefined) fault.stack = data.stack;
    return fault;
  }
  return new RuntimeFault(messageOf(error), "");
}
