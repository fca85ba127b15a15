import { messageOf, UserError } from "../model/errors.ts";

const PROBLEMS: Readonly<Record<string, string>> = {
  ENOSPC: "no space left on device",
  EDQUOT: "disk quota exceeded",
  EIO: "input/output error",
};

/** Standard output and error of a run. Trouble with either never ends it: its files are still to be written. */
export interface Streams {
  /**
   * Waits until all that was printed is on its way.
   * @throws UserError when standard output took not all of it; what `signal` was aborted with
   */
  settle(signal: AbortSignal): Promise<void>;
  dispose(): void;
}

/**
 * Takes the streams' errors, which come as events whenever something is written. A reader that has seen enough (head, less)
 * closes the pipe: that is its right, not an error. What standard error does not take, nobody can be told.
 */
export function guardStreams(): Streams {
  let problem: NodeJS.ErrnoException | undefined;
  const onOut = (error: NodeJS.ErrnoException): void => {
    if (error.code !== "EPIPE") problem ??= error;
  };
  const onErr = (): void => undefined;
  process.stdout.on("error", onOut);
  process.stderr.on("error", onErr);
  return {
    async settle(signal) {
      await orAborted(new Promise<void>((resolve) => process.stdout.write("", () => resolve())), signal);
      if (problem === undefined) return;
      throw new UserError(`cannot write to standard output: ${PROBLEMS[problem.code ?? ""] ?? messageOf(problem)}`);
    },
    dispose() {
      process.stdout.removeListener("error", onOut);
      // Standard error keeps its listener: the last words may still be on their way.
    },
  };
}

/** What `work` brings, unless the signal comes first. @throws the signal's reason */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (onAbort) signal.removeEventListener("abort", onAbort);
  }
}
