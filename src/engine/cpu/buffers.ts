/** Scratch memory by name, grown when asked for more and reused otherwise; its total is the engine's workspace. */
export class Buffers {
  readonly #held = new Map<string, Float32Array>();

  /** A view of `size` floats with whatever was in them before. */
  get(name: string, size: number): Float32Array {
    let held = this.#held.get(name);
    if (held === undefined || held.length < size) {
      held = new Float32Array(size);
      this.#held.set(name, held);
    }
    return held.subarray(0, size);
  }

  clear(): void {
    this.#held.clear();
  }
}
