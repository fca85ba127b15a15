import { NamedBuffers, type Sizes } from "../named-buffers.ts";
import type { GpuAllocator, GpuBlock, Purpose } from "./allocator.ts";

export class Workspace extends NamedBuffers<GpuBlock> {
  readonly #allocator: GpuAllocator;

  constructor(allocator: GpuAllocator) {
    super((block) => allocator.free(block));
    this.#allocator = allocator;
  }

  /** Makes every buffer at least as large as asked. Whether any was replaced. */
  async ensure(purpose: Purpose, sizes: Sizes): Promise<boolean> {
    let replaced = false;
    for (const [name, bytes] of this.outgrown(sizes)) {
      this.put(name, await this.#allocator.allocate(purpose, bytes));
      replaced = true;
    }
    return replaced;
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
