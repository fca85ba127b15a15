/**
 * A queue of jobs that may fail. A job is tried at once; when it fails it waits longer each time, and after the last
 * attempt it goes to the list of the dead, where a person can look at it. Order among jobs that are due is kept.
 */

/** What the queue is told about a job. */
export interface Job<T> {
  readonly key: string;
  readonly payload: T;
}

export interface RetryOptions {
  /** Tries in all, the first one included. */
  readonly attempts: number;
  /** Wait before the second try; each later wait is twice the one before. */
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
  /** Jobs that may run at the same time. */
  readonly parallel: number;
}

export const DEFAULTS: RetryOptions = {
  attempts: 6,
  firstDelayMs: 250,
  longestDelayMs: 30_000,
  parallel: 4,
};

interface Entry<T> {
  readonly job: Job<T>;
  tries: number;
  dueAt: number;
  lastError?: unknown;
}

export interface Clock {
  now(): number;
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

export class RetryQueue<T> {
  readonly dead: { readonly job: Job<T>; readonly error: unknown }[] = [];
  private readonly waiting: Entry<T>[] = [];
  private readonly keys = new Set<string>();
  private running = 0;

  constructor(
    private readonly work: (job: Job<T>, signal: AbortSignal) => Promise<void>,
    private readonly clock: Clock,
    private readonly options: RetryOptions = DEFAULTS,
  ) {
    if (options.attempts < 1) throw new RangeError(`attempts must be at least 1, not ${options.attempts}`);
    if (options.parallel < 1) throw new RangeError(`parallel must be at least 1, not ${options.parallel}`);
  }

  get size(): number {
    return this.waiting.length + this.running;
  }

  /** Adds a job unless one with the same key is already here. Returns whether it was added. */
  add(job: Job<T>): boolean {
    if (this.keys.has(job.key)) return false;
    this.keys.add(job.key);
    this.waiting.push({ job, tries: 0, dueAt: this.clock.now() });
    return true;
  }

  /** Runs until nothing is left or the signal is aborted. Jobs that were interrupted stay in the queue. */
  async drain(signal: AbortSignal): Promise<void> {
    const lanes = Array.from({ length: this.options.parallel }, () => this.lane(signal));
    await Promise.all(lanes);
  }

  private async lane(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const entry = this.takeDue();
      if (entry) {
        await this.attempt(entry, signal);
        continue;
      }
      if (this.size === 0) return;
      await this.clock.wait(this.untilNext(), signal);
    }
  }

  /** The job that has been due for longest, removed from the waiting list. */
  private takeDue(): Entry<T> | undefined {
    const now = this.clock.now();
    let best = -1;
    this.waiting.forEach((entry, i) => {
      if (entry.dueAt <= now && (best < 0 || entry.dueAt < this.waiting[best]!.dueAt)) best = i;
    });
    return best < 0 ? undefined : this.waiting.splice(best, 1)[0];
  }

  private async attempt(entry: Entry<T>, signal: AbortSignal): Promise<void> {
    this.running++;
    entry.tries++;
    try {
      await this.work(entry.job, signal);
      this.keys.delete(entry.job.key);
    } catch (error) {
      if (signal.aborted) {
        entry.tries--;
        this.waiting.unshift(entry);
      } else if (entry.tries >= this.options.attempts) {
        this.keys.delete(entry.job.key);
        this.dead.push({ job: entry.job, error });
      } else {
        entry.lastError = error;
        entry.dueAt = this.clock.now() + this.delayAfter(entry.tries);
        this.waiting.push(entry);
      }
    } finally {
      this.running--;
    }
  }

  /** 250 ms, 500 ms, 1 s, ... up to the longest wait. */
  private delayAfter(tries: number): number {
    return Math.min(this.options.longestDelayMs, this.options.firstDelayMs * 2 ** (tries - 1));
  }

  /** How long until the next job is due; a short pause while others still run. */
  private untilNext(): number {
    const times = this.waiting.map((entry) => entry.dueAt - this.clock.now());
    return Math.max(10, Math.min(...times, 1_000));
  }
}
