import { NamedBuffers, type Sizes } from "../named-buffers.ts";
import type { CudaAllocator } from "./allocator.ts";
import type { CudaBlock } from "./block.ts";

export class CudaWorkspace extends NamedBuffers<CudaBlock> {
  readonly #allocator: CudaAllocator;

  constructor(allocator: CudaAllocator) {
    super((block) => allocator.free(block));
    this.#allocator = allocator;
  }

  /** Makes every buffer at least as large as asked. */
  ensure(sizes: Sizes): void {
    for (const [name, bytes] of this.outgrown(sizes)) this.put(name, this.#allocator.allocate("activations", bytes));
  }
}
