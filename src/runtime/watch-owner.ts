import { Worker } from "node:worker_threads";

const EVERY_MS = 500;

/**
 * What the thread runs: plain JavaScript that needs no loader. It works while the main thread is deep in a native call.
 * A process whose owner ended gets another parent; where the owner is not the parent (a wrapper script, Windows) only
 * whether it still exists can be asked.
 */
const WATCH = `
const { workerData: { owner, everyMs } } = require("node:worker_threads");
const parent = process.ppid;
const isGone = () => {
  if (process.ppid !== parent) return true;
  if (parent === owner) return false;
  try {
    process.kill(owner, 0);
    return false;
  } catch (error) {
    return error.code === "ESRCH";
  }
};
setInterval(() => {
  if (!isGone()) return;
  try {
    process.kill(-process.pid, "SIGKILL");
  } catch {
    process.kill(process.pid, "SIGKILL");
  }
}, everyMs);
`;

/** Ends this process and what it started soon after its owner has ended, even if the main thread never looks up. */
export function watchOwner(owner: number, everyMs: number = EVERY_MS): void {
  new Worker(WATCH, { eval: true, execArgv: [], workerData: { owner, everyMs } }).unref();
}

/** Ends this process and, where it leads a process group (see client.ts), everything that it started. */
export function endEverything(): never {
  try {
    process.kill(-process.pid, "SIGKILL");
  } catch {
    // No group of our own: children notice that their channel is closed.
  }
  process.exit();
}
