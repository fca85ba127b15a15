import type { CudaAllocator } from "./allocator.ts";
import type { CudaBlock } from "./block.ts";

/** Buffers that hold nothing between calls, shared by all runners of an engine; they only grow. */
export class CudaWorkspace {
  readonly #allocator: CudaAllocator;
  readonly #blocks = new Map<string, CudaBlock>();

  constructor(allocator: CudaAllocator) {
    this.#allocator = allocator;
  }

  /** Makes every buffer at least as large as asked, in bytes by name. */
  ensure(sizes: Readonly<Record<string, number>>): void {
    for (const [name, bytes] of Object.entries(sizes)) {
      const old = this.#blocks.get(name);
      if (old !== undefined && old.bytes >= bytes) continue;
      this.#allocator.free(old);
      this.#blocks.delete(name);
      this.#blocks.set(name, this.#allocator.allocate("activations", bytes));
    }
  }

  get(name: string): CudaBlock {
    const block = this.#blocks.get(name);
    if (block === undefined) throw new Error(`the workspace has no buffer "${name}"`);
    return block;
  }

  clear(): void {
    for (const block of this.#blocks.values()) this.#allocator.free(block);
    this.#blocks.clear();
  }
}
