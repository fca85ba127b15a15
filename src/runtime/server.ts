import { ErrorCodes, ResponseError, type CancellationToken } from "vscode-jsonrpc/node";
import { z } from "zod";
import { UserError } from "../model/errors.ts";
import { message } from "../model/printable.ts";
import { manifest } from "../model/package-root.ts";
import {
  ERROR_CODE,
  profileParamsSchema,
  PROTOCOL_VERSION,
  type Found,
  type Handshake,
  type Progress,
} from "../protocol/jobs.ts";
import { answerRequests, METHOD, openChannel, type ErrorData } from "./rpc.ts";
import { Cancelled } from "./runtime.ts";
import { surviveUnreadable } from "./unreadable.ts";
import { endEverything, watchOwner } from "./watch-owner.ts";

/**
 * The runtime process, started by client.ts: it holds the engines, so that native code that blocks or crashes takes no
 * editor and no terminal with it. Its first argument is the owner's process id. It ends when its owner does.
 */
let busy = false;

/** A type of an error that crosses the process border. */
type Failure = ResponseError<ErrorData>;

async function profile(params: unknown, token: CancellationToken): Promise<unknown> {
  const valid = profileParamsSchema.safeParse(params);
  if (!valid.success) {
    const why = z.prettifyError(valid.error);
    return new ResponseError(ErrorCodes.InvalidParams, message(`invalid profile request: ${why}`));
  }
  if (busy) return new ResponseError(ERROR_CODE.busy, "another document is being profiled");
  busy = true;
  const stop = new AbortController();
  const listening = token.onCancellationRequested(() => stop.abort(new Cancelled()));
  try {
    if (token.isCancellationRequested) throw new Cancelled();
    const { profileDocument } = await import("./jobs.ts");
    return await profileDocument(valid.data, { tell, found, signal: stop.signal });
  } catch (error) {
    return failure(error);
  } finally {
    listening.dispose();
    busy = false;
  }
}

async function devices(): Promise<unknown> {
  try {
    const { listDevices } = await import("./jobs.ts");
    return await listDevices();
  } catch (error) {
    return failure(error);
  }
}

function tell(progress: Progress): void {
  void connection.sendNotification(METHOD.progress, progress);
}

function found(found: Found): void {
  void connection.sendNotification(METHOD.found, found);
}

function failure(error: unknown): Failure {
  if (error instanceof Cancelled) return new ResponseError(ERROR_CODE.cancelled, "stopped");
  if (error instanceof UserError) {
    return new ResponseError(ERROR_CODE.user, error.message, error.words && { words: [...error.words] });
  }
  if (!(error instanceof Error)) return new ResponseError(ERROR_CODE.fault, String(error));
  return new ResponseError(ERROR_CODE.fault, error.message, error.stack === undefined ? {} : { stack: error.stack });
}

function handshake(): Handshake {
  return {
    protocol: PROTOCOL_VERSION,
    version: manifest().version,
    pid: process.pid,
    node: process.version,
  };
}

const { connection } = openChannel(process, (line) => console.error(line));
answerRequests(connection, METHOD.handshake, handshake);
answerRequests(connection, METHOD.devices, devices);
answerRequests(connection, METHOD.profile, profile);

// The owner is gone: nobody will read a result.
process.on("disconnect", endEverything);
if (process.connected) {
  watchOwner(Number(process.argv[2]));
  surviveUnreadable((why) => {
    console.error(why);
    void connection.sendNotification(METHOD.unreadable, {});
  });
  connection.onNotification(METHOD.readOn, () => undefined);
  connection.listen();
} else {
  console.error(
    "this is the profiler's runtime process, started by the editor or the command line: use npm run profile instead",
  );
  process.exitCode = 2;
}
