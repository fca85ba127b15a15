import { fork, type ChildProcess } from "node:child_process";
import { UserError } from "../model/errors.ts";
import type { ProfileProgress } from "../profile/request.ts";
import type { Report } from "../profile/report.ts";
import type { FromJob, JobRequest, ToJob } from "./messages.ts";

/** How long a cancelled job may take to stop by itself before it is ended. */
const GRACE_MS = 500;

/** What a job printed is kept to this length, the end of it. */
const KEPT_CHARACTERS = 4000;

/** The user asked to stop. */
export class Cancelled extends Error {
  override readonly name = "Cancelled";
}

/** A failure inside the job that nobody foresaw, with the stack of the process where it happened. */
export class JobError extends Error {
  override readonly name = "JobError";

  constructor(message: string, stack: string | undefined) {
    super(message);
    if (stack !== undefined) this.stack = stack;
  }
}

export interface JobListener {
  phase(text: string): void;
  progress(progress: ProfileProgress): void;
}

/**
 * Runs a job in a process of its own and resolves to its report.
 * @param file the module of the process, job.ts
 * @throws UserError as the job threw it; Cancelled within about half a second of the signal; JobError for the rest
 */
export function runJob(file: URL, request: JobRequest, listener: JobListener, signal: AbortSignal): Promise<Report> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(new Cancelled());
      return;
    }
    // A group of its own, so that a terminal's Ctrl-C reaches us alone and a stop reaches the job's own children too.
    // What engines and drivers print is kept for the case that the process dies without a word of its own: a driver
    // loader's warnings would bury the one line that says what to do.
    const child = fork(file, [], {
      serialization: "advanced",
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      detached: process.platform !== "win32",
    });
    let outcome: Report | Error | undefined;
    let printed = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => (printed = (printed + text).slice(-KEPT_CHARACTERS)));
    }
    let grace: NodeJS.Timeout | undefined;
    const atExit = (): void => kill(child);
    const onAbort = (): void => {
      tell(child, { type: "cancel" });
      grace = setTimeout(() => kill(child), GRACE_MS);
    };
    const settle = (fallback: () => Error): void => {
      clearTimeout(grace);
      signal.removeEventListener("abort", onAbort);
      process.removeListener("exit", atExit);
      if (signal.aborted) reject(new Cancelled());
      else if (outcome === undefined) reject(fallback());
      else if (outcome instanceof Error) reject(outcome);
      else resolve(outcome);
    };
    process.on("exit", atExit);
    signal.addEventListener("abort", onAbort, { once: true });
    child.on("message", (message: FromJob) => {
      if (signal.aborted) return;
      if (message.type === "phase") listener.phase(message.text);
      else if (message.type === "progress") listener.progress(message.progress);
      else if (message.type === "done") outcome = message.report;
      else outcome = message.user ? new UserError(message.message) : new JobError(message.message, message.stack);
    });
    child.on("error", (error) => settle(() => error));
    // "close" comes after the last of what was printed.
    child.on("close", (code, by) => settle(() => new JobError(endText(code, by), printed.trim() || undefined)));
    tell(child, { type: "start", request });
  });
}

function tell(child: ChildProcess, message: ToJob): void {
  // The callback takes the error of a channel that is closed already; the exit event tells the story.
  if (child.connected) child.send(message, () => undefined);
}

function kill(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    if (process.platform === "win32") child.kill("SIGKILL");
    else process.kill(-child.pid, "SIGKILL");
  } catch {
    // It ended in between.
  }
}

function endText(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal === "SIGKILL") return "the profiling process was killed; the machine may have run out of memory";
  return `the profiling process ended without a report (${signal ?? `exit code ${String(code)}`})`;
}
