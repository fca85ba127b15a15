import { UserError, words } from "../../model/errors.ts";
import { HeldBytes, heldFor, mib, SMALLER } from "../held-bytes.ts";
import type { CudaBlock } from "./block.ts";
import { meaningOf, RESULT } from "./driver.ts";
import type { CudaContext } from "./context.ts";

/** What device memory is held for. */
export type Purpose = "weights" | "kv" | "activations" | "selection";

/** Every byte of device memory goes through here, so that it can be counted and given back. */
export class CudaAllocator extends HeldBytes {
  readonly #context: CudaContext;
  readonly #held = new Set<CudaBlock>();

  constructor(context: CudaContext) {
    super();
    this.#context = context;
  }

  /** @throws UserError when the device has no room, with the numbers */
  allocate(purpose: Purpose, bytes: number, layer?: number): CudaBlock {
    const address = new BigUint64Array(1);
    const result = this.#context.driver().cuMemAlloc_v2(address, Math.max(bytes, 1));
    if (result !== RESULT.success) {
      const what = heldFor(purpose, layer);
      const { name } = this.#context.device;
      throw new UserError(
        result === RESULT.outOfMemory
          ? words`the GPU ${name} has no room for ${mib(bytes)} of ${what} (${mib(this.bytes)} already in use): ${SMALLER}`
          : `the GPU ${name} gave no memory for ${what}: ${meaningOf(result)}`,
      );
    }
    const block: CudaBlock = { address: address[0]!, bytes };
    this.#held.add(block);
    this.count(bytes);
    return block;
  }

  /** Waits for what the device still does. */
  free(block: CudaBlock | undefined): void {
    if (block === undefined || !this.#held.delete(block)) return;
    this.count(-block.bytes);
    // After a fault the driver refuses; the memory went with the context.
    this.#context.driver().cuMemFree_v2(block.address);
  }
}
