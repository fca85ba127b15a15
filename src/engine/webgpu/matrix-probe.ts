import { fork } from "node:child_process";
import { processModule } from "../../model/package-root.ts";
import type { AdapterListing } from "./gpu-choice.ts";

/** Long enough for a cold driver to compile every kernel. */
const PATIENCE_MS = 60_000;

/** What the probe's process is told and tells. */
export interface ProbeRequest {
  /** The one that the units are wanted on: not looked up again, so that the trial runs on no other. */
  readonly gpu: AdapterListing;
}

export interface ProbeReply {
  /** Undefined when everything compiled and computed right. */
  readonly complaint?: string;
}

/**
 * Tries the matrix kernels in a process of their own: units are an experimental feature of Dawn, and a driver that
 * cannot do what it offers may take the process down. Undefined when they work, else what happened.
 */
export function probeMatrixUnits(adapter: AdapterListing): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = fork(processModule("src/engine/webgpu/matrix-probe-child.ts"), {
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    const timer = setTimeout(() => {
      resolve(`no answer in ${PATIENCE_MS / 1000} s`);
      child.kill("SIGKILL");
    }, PATIENCE_MS);
    child.once("message", ({ complaint }: ProbeReply) => resolve(complaint));
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      // After a reply the promise is settled and this is ignored.
      resolve(`its process ended with ${signal ?? `exit code ${String(code)}`}`);
    });
    const request: ProbeRequest = { gpu: adapter };
    child.send(request);
  });
}
