import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { answerSchema, type Answer, type Move, type Request, type Snapshot } from "../suite/remote-contract.ts";

const CONNECT_MS = 60_000;
const ANSWER_MS = 60_000;

/** The driver's end of the socket to the extension host. One request at a time. */
export class Remote {
  readonly #socket: Socket;
  readonly #lines: AsyncIterator<string>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#lines = createInterface(socket)[Symbol.asyncIterator]();
  }

  /** Waits until the extension host listens at `path`. */
  static async connect(path: string): Promise<Remote> {
    const started = Date.now();
    for (;;) {
      if (existsSync(path)) {
        const socket = connect(path);
        try {
          await once(socket, "connect");
          return new Remote(socket);
        } catch {
          socket.destroy();
        }
      }
      if (Date.now() - started > CONNECT_MS)
        throw new Error(`the extension host does not listen after ${CONNECT_MS} ms`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async ask(request: Request): Promise<Exclude<Answer, { failure: string }>> {
    this.#socket.write(`${JSON.stringify(request)}\n`);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () => reject(new Error(`no answer to ${JSON.stringify(request)} after ${ANSWER_MS} ms`)),
        ANSWER_MS,
      );
    });
    const line = await Promise.race([this.#lines.next(), late]).finally(() => clearTimeout(timer));
    if (line.done === true) throw new Error(`the extension host ended at ${JSON.stringify(request)}`);
    const answer = answerSchema.parse(JSON.parse(line.value));
    if ("failure" in answer) throw new Error(answer.failure);
    return answer;
  }

  async snapshot(): Promise<Snapshot> {
    const { snapshot } = await this.ask({ ask: "snapshot" });
    if (!snapshot) throw new Error("an answer without a snapshot");
    return snapshot;
  }

  async moves(offsets: number[]): Promise<Move[]> {
    const { moves } = await this.ask({ ask: "moves", offsets });
    if (!moves) throw new Error("an answer without moves");
    return moves;
  }

  /** Asks until `holds` does; says what was last seen when that takes too long. */
  async until(what: string, holds: (snapshot: Snapshot) => boolean, timeoutMs = 60_000): Promise<Snapshot> {
    const started = Date.now();
    for (;;) {
      const snapshot = await this.snapshot();
      if (holds(snapshot)) return snapshot;
      if (Date.now() - started > timeoutMs)
        throw new Error(`${what}: not after ${timeoutMs} ms: ${JSON.stringify(snapshot)}`);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }

  async end(): Promise<void> {
    await this.ask({ ask: "end" });
    this.#socket.destroy();
  }
}
