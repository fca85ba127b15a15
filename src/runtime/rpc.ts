import type { ChildProcess } from "node:child_process";
import {
  AbstractMessageReader,
  createMessageConnection,
  Disposable,
  IPCMessageWriter,
  type CancellationToken,
  type DataCallback,
  type Message,
  type MessageConnection,
} from "vscode-jsonrpc/node";
import { z } from "zod";
import { wordsSchema } from "../protocol/words.ts";

/**
 * JSON-RPC over the channel that Node opens between a process and one it starts. Parameters and answers are described
 * by the schemas of protocol/jobs.ts; who receives them has to look, so the types here promise nothing.
 */
export const METHOD = {
  handshake: "handshake",
  devices: "devices",
  profile: "profile",
  /** A notification of the runtime while it profiles. */
  progress: "progress",
  /** The same, with parts of the report. */
  found: "found",
  /** A notification of the runtime: a message could not be read. Answered by `readOn`, see unreadable.ts. */
  unreadable: "unreadable",
  readOn: "readOn",
} as const;

/**
 * Answers the requests of a method. The library calls a handler without parameters where a message has none, so that its first
 * argument is not always what it seems.
 */
export function answerRequests(
  connection: MessageConnection,
  method: string,
  answer: (params: unknown, token: CancellationToken) => unknown,
): void {
  connection.onRequest(method, (...given: unknown[]) =>
    answer(given.length > 1 ? given[0] : undefined, given.at(-1) as CancellationToken),
  );
}

/** What comes with an error: the stack of a fault, or a mistake's message where it names settings. */
export const errorDataSchema = z.object({ stack: z.string().exactOptional(), words: wordsSchema.exactOptional() });
export type ErrorData = z.infer<typeof errorDataSchema>;

/** Methods and ids come back in answers and in the log. */
const LONGEST_NAME = 100;

const name = z.string().max(LONGEST_NAME);
const id = z.union([name, z.number()]);

/** Only what these let through reaches the library, which throws at some malformed messages instead of refusing them. */
const messageSchema = z.union([
  z.object({
    jsonrpc: z.literal("2.0"),
    method: z.literal("$/cancelRequest"),
    params: z.object({ id }),
  }),
  z.object({
    jsonrpc: z.literal("2.0"),
    id: id.optional(),
    method: name.refine((method) => method !== "$/cancelRequest"),
    params: z.record(z.string(), z.unknown()).optional(),
  }),
  z.object({
    jsonrpc: z.literal("2.0"),
    id,
    error: z.object({ code: z.int(), message: z.string(), data: z.unknown().optional() }),
  }),
  z.object({ jsonrpc: z.literal("2.0"), id, result: z.custom((result) => result !== undefined) }),
]);

/** An end of the channel: the process that we started, or our own. */
export type ChannelEnd = NodeJS.Process | ChildProcess;

class CheckedReader extends AbstractMessageReader {
  readonly #end: ChannelEnd;
  readonly #log: (line: string) => void;
  readonly #counted: () => void;

  constructor(end: ChannelEnd, log: (line: string) => void, counted: () => void) {
    super();
    this.#end = end;
    this.#log = log;
    this.#counted = counted;
  }

  listen(callback: DataCallback): Disposable {
    const receive = (data: unknown): void => {
      const message = messageSchema.safeParse(data);
      if (!message.success) {
        this.#log(`dropped a message that is not JSON-RPC (${typeof data})`);
        return;
      }
      this.#counted();
      callback(message.data satisfies Message);
    };
    // Both have the event, but no common type says so.
    const emitter: NodeJS.EventEmitter = this.#end;
    emitter.on("message", receive);
    return Disposable.create(() => emitter.off("message", receive));
  }
}

export interface Channel {
  readonly connection: MessageConnection;
  /** Resolves when everything that has arrived was handled. */
  readonly drained: () => Promise<void>;
}

/** A connection over the channel, not yet listening. `log` gets what was wrong with it. */
export function openChannel(end: ChannelEnd, log: (line: string) => void): Channel {
  let waiting = 0;
  const reader = new CheckedReader(end, log, () => waiting++);
  const quiet = (): void => undefined;
  const connection = createMessageConnection(
    reader,
    new IPCMessageWriter(end),
    { error: log, warn: log, info: quiet, log: quiet },
    {
      messageStrategy: {
        handleMessage: (message, next) => {
          waiting--;
          return next(message);
        },
      },
    },
  );
  // An end that is gone cannot be written to; that it is gone is told by its exit.
  connection.onError(quiet);
  return {
    connection,
    drained: async () => {
      while (waiting > 0) await new Promise((resolve) => setImmediate(resolve));
    },
  };
}
