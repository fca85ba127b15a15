import os from "node:os";
import { UserError, words } from "../model/errors.ts";
import { readLimits, type Limits } from "./control-groups.ts";

/** As many threads as can run at once: one per core, or fewer where a container's CPU quota does not pay for so many. */
export function defaultThreads(limits: Limits = readLimits()): number {
  const cores = os.availableParallelism();
  return limits.cpus === undefined ? cores : Math.max(1, Math.min(cores, Math.ceil(limits.cpus)));
}

/** @throws UserError for more threads than this machine has cores */
export function checkThreads(threads: number, cores = os.cpus().length): number {
  if (Number.isInteger(threads) && threads >= 1 && threads <= cores) return threads;
  throw new UserError(
    words`cannot use ${threads} threads: this machine has ${cores} logical core${cores === 1 ? "" : "s"}. Choose 1 to ${cores}, or omit ${{ setting: "threads" }} for the default`,
  );
}

/** The memory that this process may use at most, in bytes: the machine's, or less where a container limits it. */
export function totalMemory(limits: Limits = readLimits()): number {
  return Math.min(os.totalmem(), limits.memoryBytes ?? Infinity);
}

/** The bytes that this process can still get without pushing others, or itself, out of memory. */
export function availableMemory(limits: Limits = readLimits()): number {
  // Node's own figure takes files that a container has cached for taken, and does not look at the groups above it.
  const free = process.platform === "linux" ? os.freemem() : process.availableMemory();
  return Math.min(free, limits.memoryLeftBytes ?? Infinity);
}
