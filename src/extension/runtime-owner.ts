import * as vscode from "vscode";
import { message } from "../model/printable.ts";
import type { Devices, ProfileParams, ProfileResult, Progress, SoFar } from "../protocol/jobs.ts";
import type { RuntimeClient } from "../runtime/client.ts";
import type { Runtime, RuntimeState } from "../runtime/runtime.ts";
import { Emitter } from "./emitter.ts";
import { readSettings } from "./settings.ts";

/** Owns the runtime process and its log. The process, and the code that talks to it, are loaded on first use. */
export class RuntimeOwner implements Omit<Runtime, "onState"> {
  readonly log = vscode.window.createOutputChannel("HySparse Runtime", { log: true });
  readonly #changed = new Emitter<RuntimeState>();
  readonly onDidChangeState = this.#changed.on;
  readonly #module: string;
  #client: RuntimeClient | undefined;
  /** Settings that the client was made with. */
  #madeWith = "";
  #loading: Promise<typeof import("./heavy.ts")> | undefined;
  /** A Node.js of this machine to use instead of Electron's. */
  #found: Promise<string | undefined> | undefined;
  #ended = false;

  constructor(extensionUri: vscode.Uri) {
    this.#module = vscode.Uri.joinPath(extensionUri, "dist", "runtime", "server.js").fsPath;
  }

  get state(): RuntimeState {
    return this.#client?.state ?? "stopped";
  }

  get pid(): number | undefined {
    return this.#client?.pid;
  }

  async devices(): Promise<Devices> {
    return (await this.#take()).devices();
  }

  async profile(
    params: ProfileParams,
    onProgress: (progress: Progress) => void,
    signal: AbortSignal,
    onFound?: (soFar: SoFar) => void,
  ): Promise<ProfileResult> {
    return (await this.#take()).profile(params, onProgress, signal, onFound);
  }

  /** Ends the process, at once and for good. */
  dispose(): void {
    this.#ended = true;
    this.#client?.dispose();
    this.#client = undefined;
    this.#changed.dispose();
    this.log.dispose();
  }

  async #take(): Promise<RuntimeClient> {
    this.#loading ??= import("./heavy.ts");
    const { RuntimeClient, findNode } = await this.#loading;
    // Electron's own Node.js cannot read a GPU's results; another one on this machine can.
    this.#found ??= process.versions["electron"] === undefined ? Promise.resolve(undefined) : findNode();
    const found = await this.#found;
    if (this.#ended) throw new Error("the window is closing");
    const { idleMinutes, nodePath = found } = readSettings();
    const wanted = JSON.stringify([idleMinutes, nodePath]);
    if (this.#client && (wanted === this.#madeWith || this.#client.state === "busy")) return this.#client;
    this.#client?.dispose();
    this.#madeWith = wanted;
    if (nodePath !== undefined) this.log.info(message(`the runtime runs under ${nodePath}`));
    const client = new RuntimeClient({
      module: this.#module,
      ...(nodePath === undefined ? {} : { execPath: nodePath }),
      // Not the host's own: it may run under a debugger.
      execArgv: [],
      idleMs: idleMinutes * 60_000,
      log: (line) => this.log.info(message(line)),
    });
    client.onState((state) => {
      if (this.#client === client) this.#changed.fire(state);
    });
    this.#client = client;
    return client;
  }
}
