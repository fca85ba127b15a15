/** Bytes by buffer name. */
export type Sizes = Readonly<Record<string, number>>;

/** Buffers of a device that hold nothing between calls, shared by all runners of an engine; they only grow. */
export abstract class NamedBuffers<Buffer extends { readonly bytes: number }> {
  readonly #buffers = new Map<string, Buffer>();
  readonly #free: (buffer: Buffer) => void;

  constructor(free: (buffer: Buffer) => void) {
    this.#free = free;
  }

  /** Names and sizes that no buffer is large enough for; what was held for them is freed. */
  protected *outgrown(sizes: Sizes): Generator<readonly [string, number]> {
    for (const [name, bytes] of Object.entries(sizes)) {
      const old = this.#buffers.get(name);
      if (old !== undefined && old.bytes >= bytes) continue;
      if (old !== undefined) this.#free(old);
      this.#buffers.delete(name);
      yield [name, bytes];
    }
  }

  protected put(name: string, buffer: Buffer): void {
    this.#buffers.set(name, buffer);
  }

  has(name: string): boolean {
    return this.#buffers.has(name);
  }

  get(name: string): Buffer {
    const buffer = this.#buffers.get(name);
    if (buffer === undefined) throw new Error(`the workspace has no buffer "${name}"`);
    return buffer;
  }

  clear(): void {
    for (const buffer of this.#buffers.values()) this.#free(buffer);
    this.#buffers.clear();
  }
}
