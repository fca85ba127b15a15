/** How long a computation may keep the event loop to itself. */
const TURN_MS = 20;

/** The result of a computation that comes in steps, without a break. */
export function atOnce<T>(steps: Generator<undefined, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/**
 * The result of a computation that comes in steps, with a turn of the event loop after every TURN_MS: requests are answered
 * and a stop is heard meanwhile.
 * @throws the signal's reason when aborted
 */
export async function inTurns<T>(steps: Generator<undefined, T>, signal?: AbortSignal): Promise<T> {
  for (;;) {
    const until = performance.now() + TURN_MS;
    do {
      const step = steps.next();
      if (step.done === true) return step.value;
    } while (performance.now() < until);
    // A message takes more than one turn of the loop from its arrival to its handler.
    await new Promise((resolve) => setTimeout(resolve, 0));
    signal?.throwIfAborted();
  }
}
