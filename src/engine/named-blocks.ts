/** Bytes by buffer name. */
export type Sizes = Readonly<Record<string, number>>;

/** Buffers of a device that hold nothing between calls, shared by all runners of an engine; they only grow. */
export abstract class NamedBlocks<Block extends { readonly bytes: number }> {
  readonly #blocks = new Map<string, Block>();
  readonly #free: (block: Block) => void;

  constructor(free: (block: Block) => void) {
    this.#free = free;
  }

  /** Names and sizes that no buffer is large enough for; what was held for them is freed. */
  protected *outgrown(sizes: Sizes): Generator<readonly [string, number]> {
    for (const [name, bytes] of Object.entries(sizes)) {
      const old = this.#blocks.get(name);
      if (old !== undefined && old.bytes >= bytes) continue;
      if (old !== undefined) this.#free(old);
      this.#blocks.delete(name);
      yield [name, bytes];
    }
  }

  protected put(name: string, block: Block): void {
    this.#blocks.set(name, block);
  }

  has(name: string): boolean {
    return this.#blocks.has(name);
  }

  get(name: string): Block {
    const block = this.#blocks.get(name);
    if (block === undefined) throw new Error(`the workspace has no buffer "${name}"`);
    return block;
  }

  clear(): void {
    for (const block of this.#blocks.values()) this.#free(block);
    this.#blocks.clear();
  }
}
