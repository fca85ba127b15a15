/** Within this time of the first signal the process has ended, whatever it was waiting for. */
const AT_LATEST_MS = 900;

const PARENT_EVERY_MS = 300;

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * A signal that aborts, with `reason`, when the user asks the process to stop. Repeated signals are one: a terminal sends
 * Ctrl-C to every process of the command, and the ones above pass it on once more.
 */
export function onStop(reason: () => Error, exitCode: number): { readonly signal: AbortSignal; dispose(): void } {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) return;
    setTimeout(() => end(exitCode), AT_LATEST_MS).unref();
    controller.abort(reason());
  };
  for (const name of SIGNALS) process.on(name, stop);
  const watch = watchParent(stop);
  return {
    signal: controller.signal,
    dispose: () => {
      clearInterval(watch);
      for (const name of SIGNALS) process.removeListener(name, stop);
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
