/** Within this time of the first signal the process has ended, whatever it was waiting for. */
const AT_LATEST_MS = 900;

/** Results that are kept are written within this time, whoever reads them. */
const KEPT_AT_LATEST_MS = 10_000;

/** A terminal's one Ctrl-C comes several times, within this time: what comes later is another. */
const SAME_MS = 400;

const PARENT_EVERY_MS = 300;

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export interface Stop {
  /** Aborts when the user asks the process to stop. */
  readonly signal: AbortSignal;
  /** Whether that was Ctrl-C, by somebody who is there and waits. */
  readonly byHand: boolean;
  /** After a stop: gives the process time to write what it has. The next signal ends it at once. */
  keep(): void;
  dispose(): void;
}

/**
 * Listens for signals that ask the process to stop, and aborts with `reason`. Signals that follow at once are the same one: a
 * terminal sends Ctrl-C to every process of the command, and the ones above pass it on once more.
 */
export function onStop(reason: () => Error, exitCode: number): Stop {
  const controller = new AbortController();
  let deadline: NodeJS.Timeout | undefined;
  let stoppedAt = 0;
  let byHand = false;
  const endAfter = (ms: number): void => {
    clearTimeout(deadline);
    deadline = setTimeout(() => end(exitCode), ms).unref();
  };
  const stop = (name?: NodeJS.Signals): void => {
    if (controller.signal.aborted) return;
    stoppedAt = performance.now();
    byHand = name === "SIGINT";
    endAfter(AT_LATEST_MS);
    controller.abort(reason());
  };
  const onSignal = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted && performance.now() - stoppedAt > SAME_MS) end(exitCode);
    stop(name);
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  const watch = watchParent(stop);
  return {
    signal: controller.signal,
    get byHand() {
      return byHand;
    },
    keep: () => endAfter(KEPT_AT_LATEST_MS),
    dispose: () => {
      clearInterval(watch);
      for (const name of SIGNALS) process.removeListener(name, onSignal);
    },
  };
}

/** Who ends npm ends the shell between npm and us, but not us: then nobody waits for the result any more. */
function watchParent(stop: () => void): NodeJS.Timeout | undefined {
  if (process.env.npm_lifecycle_event !== "profile") return undefined;
  const parent = process.ppid;
  const look = (): void => {
    if (process.ppid !== parent) stop();
  };
  return setInterval(look, PARENT_EVERY_MS).unref();
}

/**
 * Ends the process now. Leaving waits for threads, and one that hangs in a file system (a network disk that is gone) would
 * keep it for ever; then it dies of an interrupt instead, which a shell counts as 130, too.
 */
function end(exitCode: number): void {
  if (process.getActiveResourcesInfo().some((name) => name.startsWith("FSReq"))) {
    process.emit("exit", exitCode);
    process.removeAllListeners("SIGINT");
    process.kill(process.pid, "SIGINT");
  }
  process.exit(exitCode);
}
