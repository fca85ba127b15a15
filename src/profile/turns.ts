/** What a run asks before every layer but the first, with how many are done: where it is given a promise, it waits. */
export type BeforeLayer = (done: number) => Promise<void> | undefined;

/** Begins a run that asks. */
type Start<T> = (beforeLayer: BeforeLayer) => Promise<T>;

/** Milliseconds that a turn lasts at least: after a shorter one, what the other run left in the caches would weigh. */
const LEAST_TURN_MS = 50;

/**
 * How many layers a turn has: as many as the first run takes to fill `leastMs`, and then the same for all runs in all rounds,
 * so that turns stand for the same work. Shorter runs, and those that never ask, are one turn.
 */
export class TurnLength {
  readonly #leastMs: number;
  #layers: number | undefined;

  /** @param leastMs tests have another */
  constructor(leastMs = LEAST_TURN_MS) {
    this.#leastMs = leastMs;
  }

  /** Whether a turn of so many layers and milliseconds is over. */
  over(layers: number, ms: number): boolean {
    if (ms >= this.#leastMs) this.#layers ??= layers;
    return this.#layers !== undefined && layers >= this.#layers;
  }
}

/** A run that is left at the end of a turn and taken up again. */
class Paused<T> {
  readonly #start: Start<T>;
  readonly #length: TurnLength;
  #work: Promise<T> | undefined;
  #leave: () => void = () => undefined;
  #waiting: { readonly resume: () => void; readonly reject: (reason: unknown) => void } | undefined;
  #began = 0;
  #beganAt = 0;

  constructor(start: Start<T>, length: TurnLength) {
    this.#start = start;
    this.#length = length;
  }

  /** One turn; what the run gave where it was the last. */
  async turn(): Promise<{ readonly result: T } | undefined> {
    const left = new Promise<undefined>((resolve) => (this.#leave = () => resolve(undefined)));
    this.#began = performance.now();
    this.#waiting?.resume();
    this.#work ??= this.#start((done) => this.#ask(done));
    return Promise.race([left, this.#work.then((result) => ({ result }))]);
  }

  /** Ends the run with `reason` where it waits for its turn. */
  async end(reason: unknown): Promise<void> {
    this.#waiting?.reject(reason);
    await this.#work?.catch(() => undefined);
  }

  #ask(done: number): Promise<void> | undefined {
    if (!this.#length.over(done - this.#beganAt, performance.now() - this.#began)) return undefined;
    this.#beganAt = done;
    return new Promise((resume, reject) => {
      this.#waiting = { resume, reject };
      this.#leave();
    });
  }
}

/**
 * Makes a run of each key, some layers of each by turns: what is compared then lies within tenths of a second, and a machine
 * that grows slower does so for all. Who goes first rotates from turn to turn, beginning with the first of `keys`. When one
 * fails, the others end with its reason. Without a length the runs are made whole, one after the other.
 */
export async function byTurns<Key, T>(
  keys: readonly Key[],
  start: (key: Key, beforeLayer: BeforeLayer) => Promise<T>,
  length: TurnLength | undefined,
): Promise<Map<Key, T>> {
  const results = new Map<Key, T>();
  if (length === undefined) {
    for (const key of keys) results.set(key, await start(key, () => undefined));
    return results;
  }
  const runs = new Map(keys.map((key) => [key, new Paused<T>((beforeLayer) => start(key, beforeLayer), length)]));
  try {
    for (let turn = 0; results.size < keys.length; turn++) {
      for (let i = 0; i < keys.length; i++) {
        const key = keys[(i + turn) % keys.length]!;
        const over = results.has(key) ? undefined : await runs.get(key)!.turn();
        if (over !== undefined) results.set(key, over.result);
      }
    }
  } catch (error) {
    for (const run of runs.values()) await run.end(error);
    throw error;
  }
  return results;
}
