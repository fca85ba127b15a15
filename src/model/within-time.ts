import { createContext, Script } from "node:vm";

/** Values taken from a source in one go: entering the context costs a tenth of a millisecond. */
const BATCH = 1024;

let guard: { readonly holder: { work: () => unknown }; readonly run: (ms: number) => unknown } | undefined;

/** Thrown where work did not end within its time. */
export class OutOfTime extends Error {}

/**
 * Runs `work` and really ends it when the time is up, inside a regular expression too: the engine's own termination is the
 * only thing that stops a match that backtracks without end, and vm is how Node offers it. Nothing of `work` may be used
 * after it was ended.
 *
 * @throws OutOfTime
 */
export function withinTime<T>(work: () => T, ms: number): T {
  guard ??= makeGuard();
  guard.holder.work = work;
  try {
    return guard.run(Math.max(1, Math.ceil(ms))) as T;
  } catch (error) {
    throw isTimeout(error) ? new OutOfTime() : error;
  } finally {
    guard.holder.work = () => undefined;
  }
}

/** The error may come from the guard's own realm, where it is no instance of this one's Error. */
function isTimeout(error: unknown): boolean {
  return (
    typeof error === "object" && error !== null && "code" in error && error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT"
  );
}

function makeGuard(): NonNullable<typeof guard> {
  const holder = { work: (): unknown => undefined };
  const context = createContext(holder);
  const script = new Script("work()");
  return { holder, run: (timeout) => script.runInContext(context, { timeout }) as unknown };
}

/** The values of `source`, whose making may take `budget.ms` in all; what was used is taken off it. @throws OutOfTime */
export function* eachWithinTime<T>(source: Iterable<T>, budget: { ms: number }): Generator<T> {
  const values = source[Symbol.iterator]();
  for (;;) {
    const batch: T[] = [];
    const began = performance.now();
    const ended = withinTime(() => {
      while (batch.length < BATCH) {
        const next = values.next();
        if (next.done === true) return true;
        batch.push(next.value);
      }
      return false;
    }, budget.ms);
    budget.ms -= performance.now() - began;
    yield* batch;
    if (ended) return;
  }
}
