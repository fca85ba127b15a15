/** Time between two pictures on a usual screen. */
const FRAME_MS = 16;

/**
 * Does `work` for the newest of the wishes that arrive: at once where the last time is a frame (`intervalMs`) ago, else when it is.
 * `work` is told when the first wish it answers arrived (performance.now).
 */
export class Frame<T> {
  readonly #work: (wish: T, since: number) => void;
  readonly #intervalMs: number;
  #wish: { readonly value: T; readonly since: number } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #last = -Infinity;

  constructor(work: (wish: T, since: number) => void, intervalMs = FRAME_MS) {
    this.#work = work;
    this.#intervalMs = intervalMs;
  }

  ask(value: T): void {
    const now = performance.now();
    this.#wish = { value, since: this.#wish?.since ?? now };
    if (this.#timer) return;
    const wait = this.#last + this.#intervalMs - now;
    if (wait <= 0) this.#run();
    else this.#timer = setTimeout(() => this.#run(), wait);
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#wish = undefined;
  }

  #run(): void {
    this.#timer = undefined;
    const wish = this.#wish;
    this.#wish = undefined;
    if (!wish) return;
    this.#work(wish.value, wish.since);
    this.#last = performance.now();
  }
}
