import type { GpuAllocator, GpuBlock, Purpose } from "./allocator.ts";

/** Bytes by buffer name. */
export type Sizes = Readonly<Record<string, number>>;

/** Buffers that hold nothing between calls, shared by all runners of an engine; they only grow. */
export class Workspace {
  readonly #allocator: GpuAllocator;
  readonly #blocks = new Map<string, GpuBlock>();

  constructor(allocator: GpuAllocator) {
    this.#allocator = allocator;
  }

  /** Makes every buffer at least as large as asked. Whether any was replaced. */
  async ensure(purpose: Purpose, sizes: Sizes): Promise<boolean> {
    let replaced = false;
    for (const [name, bytes] of Object.entries(sizes)) {
      const old = this.#blocks.get(name);
      if (old !== undefined && old.bytes >= bytes) continue;
      if (old !== undefined) this.#allocator.free(old);
      this.#blocks.delete(name);
      this.#blocks.set(name, await this.#allocator.allocate(purpose, bytes));
      replaced = true;
    }
    return replaced;
  }

  has(name: string): boolean {
    return this.#blocks.has(name);
  }

  get(name: string): GpuBlock {
    const block = this.#blocks.get(name);
    if (block === undefined) throw new Error(`the workspace has no buffer "${name}"`);
    return block;
  }

  clear(): void {
    for (const block of this.#blocks.values()) this.#allocator.free(block);
    this.#blocks.clear();
  }
}

/** The larger of two sizes for every name of either. */
export function largest(...all: readonly Sizes[]): Sizes {
  const sizes: Record<string, number> = {};
  for (const one of all) {
    for (const [name, bytes] of Object.entries(one)) sizes[name] = Math.max(sizes[name] ?? 0, bytes);
  }
  return sizes;
}
