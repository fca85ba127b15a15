import { UserError, words } from "../../model/errors.ts";
import type { DeviceMeter } from "../engine.ts";
import type { CudaBlock } from "./block.ts";
import { meaningOf, RESULT } from "./driver.ts";
import type { CudaContext } from "./context.ts";

/** What device memory is held for. */
export type Purpose = "weights" | "kv" | "activations" | "selection";

/** The way out where something is too large for the device. */
const SMALLER = words`use fewer tokens (${{ setting: "maxTokens" }}) or a smaller ${{ setting: "chunk" }}`;

/** Every byte of device memory goes through here, so that it can be counted and given back. */
export class CudaAllocator implements DeviceMeter {
  readonly #context: CudaContext;
  readonly #held = new Set<CudaBlock>();
  #bytes = 0;
  #peak = 0;

  constructor(context: CudaContext) {
    this.#context = context;
  }

  /** Bytes held now. */
  get bytes(): number {
    return this.#bytes;
  }

  get peakBytes(): number {
    return this.#peak;
  }

  resetPeak(): void {
    this.#peak = this.#bytes;
  }

  /** @throws UserError when the device has no room, with the numbers */
  allocate(purpose: Purpose, bytes: number, layer?: number): CudaBlock {
    const address = new BigUint64Array(1);
    const result = this.#context.driver().cuMemAlloc_v2(address, Math.max(bytes, 1));
    if (result !== RESULT.success) {
      const what = layer === undefined ? purpose : `${purpose} of layer ${layer}`;
      const { name } = this.#context.device;
      throw new UserError(
        result === RESULT.outOfMemory
          ? words`the GPU ${name} has no room for ${mib(bytes)} of ${what} beside the ${mib(this.#bytes)} held already: ${SMALLER}`
          : `the GPU ${name} gave no memory for ${what}: ${meaningOf(result)}`,
      );
    }
    const block: CudaBlock = { address: address[0]!, bytes };
    this.#held.add(block);
    this.#bytes += bytes;
    this.#peak = Math.max(this.#peak, this.#bytes);
    return block;
  }

  /** Waits for what the device still does. */
  free(block: CudaBlock | undefined): void {
    if (block === undefined || !this.#held.delete(block)) return;
    this.#bytes -= block.bytes;
    // After a fault the driver refuses; the memory went with the context.
    this.#context.driver().cuMemFree_v2(block.address);
  }
}

function mib(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
