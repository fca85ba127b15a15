import { createRequire } from "node:module";
import { isMainThread } from "node:worker_threads";
import type * as Library from "onnxruntime-node";

/**
 * The only way to onnxruntime in this project (a test refuses every other). Its builds for Linux and macOS carry a telemetry client
 * that is on unless this variable is set when the library is loaded: it keeps a device id and a database of events in the
 * user's cache folder and sends them to Microsoft. Neither the package nor its binding offers a call that turns it off.
 */
const TELEMETRY_OFF = "ORT_DISABLE_TELEMETRY";

// A thread's environment is a copy that native code never sees: setting the variable there would do nothing.
if (!isMainThread) {
  throw new Error(
    "onnxruntime is only loaded in a process's main thread: elsewhere its telemetry cannot be turned off",
  );
}
process.env[TELEMETRY_OFF] = "1";

// An import would be hoisted above the line before, within a bundle also out of a module of its own.
const library = createRequire(import.meta.url)("onnxruntime-node") as typeof Library;

export const { Tensor } = library;
export type InferenceSession = Library.InferenceSession;
export type SessionOptions = Library.InferenceSession.SessionOptions;
export type Tensor = Library.Tensor;

/**
 * The only way to a session, so that no arithmetic of ours can keep subnormal numbers: all sessions flush them to zero, on their
 * threads and on the one that calls. Intel's cores take many times as long for a product with a subnormal operand, so a softmax
 * with far ends made `full` 2.4 times as slow there as it is (docs/benchmarks.md). Flushing changes a value by less than 2^-126.
 *
 * onnxruntime sets the calling thread's mode once per process, when its first session is made, and never back: from
 * then on JavaScript in this process, too, reads and writes subnormals (float64 ones below 2^-1022) as zero.
 */
export function createSession(model: Uint8Array, options: SessionOptions): Promise<InferenceSession> {
  const session = { ...sessionEntries(options), set_denormal_as_zero: "1" };
  return library.InferenceSession.create(model, { ...options, extra: { ...options.extra, session } });
}

function sessionEntries({ extra }: SessionOptions): object {
  const session: unknown = extra?.["session"];
  return typeof session === "object" && session !== null ? session : {};
}
