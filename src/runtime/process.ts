import { spawn, type ChildProcess } from "node:child_process";
import { CancellationToken, type Disposable, type MessageConnection } from "vscode-jsonrpc/node";
import { z } from "zod";
import { UserError } from "../model/errors.ts";
import {
  foundSchema,
  handshakeSchema,
  progressSchema,
  PROTOCOL_VERSION,
  type Found,
  type Handshake,
  type Progress,
} from "../protocol/jobs.ts";
import { METHOD, openChannel } from "./rpc.ts";
import { RuntimeFault } from "./runtime.ts";

/** What a process printed is kept to this length, the end of it. */
const KEPT_CHARACTERS = 4000;

/** A cold start of the source tree on a busy machine takes seconds; a process that is no runtime never answers. */
const START_MS = 30_000;

/** How long the end of what was printed is waited for once a process and its group are gone. */
const LAST_WORDS_MS = 500;

const OLDEST_NODE = [20, 19] as const;

export interface Launch {
  /** The module that is run, absolute. */
  readonly module: string;
  readonly execPath: string;
  readonly execArgv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Of the handshake, in milliseconds. */
  readonly startMs?: number;
  readonly log: (line: string) => void;
}

/** One life of the runtime process, from its start to its end. */
export class RuntimeProcess {
  readonly #launch: Launch;
  readonly #child: ChildProcess;
  readonly #connection: MessageConnection;
  #printed = "";
  #killed = false;
  #exited = false;
  /** Resolves once, when the process is gone and all it said was heard, to the error for calls that still wait. */
  readonly ended: Promise<RuntimeFault>;
  /** Resolves when the process has said what it is. Rejects, and the process is ended, when that is not good. */
  readonly ready: Promise<Handshake>;

  /** @throws Error of spawn for arguments that no process can be made of */
  constructor(launch: Launch) {
    this.#launch = launch;
    const { module, execPath, execArgv, env, log } = launch;
    // A group of its own, so that a terminal's Ctrl-C reaches the owner alone and a stop reaches the process's own
    // children too. What it prints goes to the log: a driver loader's warnings must not bury what we have to say.
    this.#child = spawn(execPath, [...execArgv, module, String(process.pid)], {
      env: { ...env, ELECTRON_RUN_AS_NODE: "1" },
      serialization: "advanced",
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      detached: process.platform !== "win32",
      windowsHide: true,
    });
    this.#keepOutput();
    const { connection, drained } = openChannel(this.#child, log);
    this.#connection = connection;
    this.ended = this.#watch(drained);
    connection.onNotification(METHOD.unreadable, () => connection.sendNotification(METHOD.readOn, {}));
    connection.listen();
    this.ready = this.#shakeHands();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** The process is gone, though its last words may still be waited for. */
  get gone(): boolean {
    return this.#exited;
  }

  /** The process's answer. @throws ResponseError as the process answered; RuntimeFault when it ended before that */
  async request(method: string, params: object, token: CancellationToken = CancellationToken.None): Promise<unknown> {
    const death = this.ended.then((fault) => {
      throw fault;
    });
    if (this.#exited) return death;
    return Promise.race([this.#connection.sendRequest(method, params, token), death]);
  }

  onProgress(listener: (progress: Progress) => void): Disposable {
    return this.#onNotification(METHOD.progress, progressSchema, listener);
  }

  onFound(listener: (found: Found) => void): Disposable {
    return this.#onNotification(METHOD.found, foundSchema, listener);
  }

  #onNotification<T>(method: string, schema: z.ZodType<T>, listener: (message: T) => void): Disposable {
    return this.#connection.onNotification(method, (message: unknown) => {
      const known = schema.safeParse(message);
      if (known.success) listener(known.data);
      else this.#launch.log(`dropped invalid ${method}: ${z.prettifyError(known.error)}`);
    });
  }

  /** Ends the process and everything that it started, at once. */
  readonly kill = (): void => {
    if (this.#exited) return;
    this.#killed = true;
    this.#killGroup();
  };

  #killGroup(): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      if (process.platform === "win32") this.#child.kill("SIGKILL");
      else process.kill(-pid, "SIGKILL");
    } catch {
      // Nobody of the group is left.
    }
  }

  #keepOutput(): void {
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      let line = "";
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#printed = (this.#printed + text).slice(-KEPT_CHARACTERS);
        const lines = (line + text).split(/\r?\n/);
        line = (lines.pop() ?? "").slice(-KEPT_CHARACTERS);
        lines.forEach((complete) => this.#launch.log(complete));
      });
      stream?.on("close", () => {
        if (line !== "") this.#launch.log(line);
      });
    }
  }

  #watch(drained: () => Promise<void>): Promise<RuntimeFault> {
    process.once("exit", this.kill);
    let told = false;
    return new Promise((resolve) => {
      const end = async (story: string): Promise<void> => {
        if (told) return;
        told = true;
        this.#exited = true;
        process.removeListener("exit", this.kill);
        this.#launch.log(story);
        // A reply may have arrived just before the end.
        await drained();
        resolve(new RuntimeFault(story, this.#printed.trim()));
        // Not at once: it rejects what waits for answers, and they should get the story.
        setImmediate(() => this.#connection.dispose());
      };
      this.#child.once("error", (error) => {
        // Also comes when a message cannot be sent: then there is a process, and its exit will tell.
        if (this.#child.pid === undefined) void end(`cannot start the runtime process: ${error.message}`);
      });
      this.#child.once("exit", (code, signal) => {
        // Its children might hold its streams open; "close" comes when the last of what was said has arrived.
        this.#killGroup();
        this.#exited = true;
        const tell = (): void => {
          clearTimeout(timer);
          void end(this.#killed ? "the runtime process was ended" : endText(code, signal, this.#printed));
        };
        const timer = setTimeout(tell, LAST_WORDS_MS);
        this.#child.once("close", tell);
      });
    });
  }

  async #shakeHands(): Promise<Handshake> {
    const { startMs = START_MS } = this.#launch;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const story = `the runtime process did not answer within ${startMs / 1000} s`;
        reject(new RuntimeFault(story, this.#printed.trim()));
      }, startMs);
    });
    try {
      const answer = await Promise.race([this.request(METHOD.handshake, {}), late]);
      const handshake = check(answer);
      this.#launch.log(`runtime ${handshake.version}, pid ${handshake.pid}, Node.js ${handshake.node}`);
      return handshake;
    } catch (error) {
      this.kill();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** @throws UserError or RuntimeFault, saying what to do, when this is no runtime of ours */
function check(answer: unknown): Handshake {
  const spoken = z.object({ protocol: z.number(), node: z.string() }).safeParse(answer);
  if (!spoken.success) throw new RuntimeFault("the started process is not the profiler's runtime", "");
  const { protocol, node } = spoken.data;
  if (protocol !== PROTOCOL_VERSION) {
    throw new RuntimeFault(
      `the runtime process has another version (protocol ${protocol}, here ${PROTOCOL_VERSION}): ` +
        "the profiler was updated; start again (in the editor: reload the window)",
      "",
    );
  }
  const [major = 0, minor = 0] = node.replace(/^v/, "").split(".").map(Number);
  const [oldest, oldestMinor] = OLDEST_NODE;
  if (major < oldest || (major === oldest && minor < oldestMinor)) {
    throw new UserError(`the runtime needs Node.js ${oldest}.${oldestMinor} or newer (this is ${node})`);
  }
  return handshakeSchema.parse(answer);
}

/** Why a process ended that nobody ended, in words. */
function endText(code: number | null, signal: NodeJS.Signals | null, printed: string): string {
  const memory = "the machine may have run out of memory";
  if (/heap out of memory|bad_alloc/.test(printed)) return "the runtime process ran out of memory";
  if (/\bEMFILE\b|too many open files/i.test(printed)) {
    return "the runtime process cannot open enough files: raise the limit (`ulimit -n 1024`)";
  }
  if (signal === "SIGKILL") return `the runtime process was killed; ${memory}`;
  if (signal === "SIGTERM" || signal === "SIGINT" || signal === "SIGHUP") {
    return `the runtime process was ended from outside (${signal})`;
  }
  if (signal !== null) return `the runtime process crashed in native code (${signal}), for example in a GPU driver`;
  // Windows has no signals but status codes, from 0xC0000000 on.
  if (code !== null && code >= 0xc0000000) {
    return `the runtime process crashed in native code (0x${code.toString(16)}), for example in a GPU driver`;
  }
  return `the runtime process ended unexpectedly (exit code ${String(code)})`;
}
