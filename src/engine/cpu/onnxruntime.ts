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

export const { InferenceSession, Tensor } = library;
export type InferenceSession = Library.InferenceSession;
export type SessionOptions = Library.InferenceSession.SessionOptions;
export type Tensor = Library.Tensor;
