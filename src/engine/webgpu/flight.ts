import type { GpuDevice } from "./device.ts";

/** Submissions that may be under way: the device never waits for the host, and a cancel waits for two at most. */
const SUBMISSIONS = 2;
/** Milliseconds of work that one submission should hold where layers are shorter than that. */
const SUBMISSION_MS = 4;
const MOST_LAYERS = 64;

/**
 * Keeps the device busy and a cancel quick: counts submissions that are not finished, holds the host back when there are
 * two, and says how many layers the next should hold, from how long layers take.
 */
export class Flight {
  readonly #device: GpuDevice;
  readonly #under: Promise<void>[] = [];
  /** By kind of run, what the last ones taught: a decode step's layers are far shorter than a prefill's. */
  readonly #learned = new Map<string, number>();
  #kind = "";
  #lastEnd = 0;

  constructor(device: GpuDevice) {
    this.#device = device;
  }

  /** To be called before the first submission of a run. */
  begin(kind: "prefill" | "decode"): void {
    this.#kind = kind;
    this.#lastEnd = performance.now();
  }

  get layersPerSubmit(): number {
    return this.#learned.get(this.#kind) ?? 1;
  }

  /** To be called after each submission; `done` is called when the device has finished it. */
  submitted(layers: number, done: () => void): void {
    const kind = this.#kind;
    const work = this.#device.gpu.queue.onSubmittedWorkDone().then(() => {
      const now = performance.now();
      const perLayer = (now - this.#lastEnd) / layers;
      this.#lastEnd = now;
      this.#learned.set(kind, Math.max(1, Math.min(MOST_LAYERS, Math.floor(SUBMISSION_MS / perLayer))));
      done();
    });
    // Who waits for it sees its failure; until then it must not count as unhandled.
    work.catch(() => undefined);
    this.#under.push(work);
  }

  /** Waits until fewer than two submissions are under way. */
  async throttle(): Promise<void> {
    while (this.#under.length >= SUBMISSIONS) await this.#under.shift();
  }

  /** Waits for all. */
  async land(): Promise<void> {
    while (this.#under.length > 0) await this.#under.shift();
  }
}
