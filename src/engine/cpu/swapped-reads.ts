import type { Architecture } from "../../model/architecture.ts";
import type { SelectionSwap } from "../engine.ts";
import { chosenInstead, restriction, type Restriction } from "../swap.ts";
import type { BlockList } from "./kernels/call.ts";

/** What a swap gives the layers to read; without one, nothing else than they read anyway. */
export class SwappedReads {
  readonly #swap: SelectionSwap | undefined;
  readonly #a: Architecture;
  readonly restricted: Restriction | undefined;
  /** Sinks of a full layer that is restricted: it has none. [Hq] */
  readonly noSinks: Float32Array;

  /** @param swap one that swapRefusal allows */
  constructor(swap: SelectionSwap | undefined, a: Architecture) {
    this.#swap = swap;
    this.#a = a;
    this.restricted = restriction(swap, a);
    this.noSinks = new Float32Array(a.queryHeads).fill(-Infinity);
  }

  /** The block-sparse branch gives zeros, and nobody reads what an oracle selected. */
  get silent(): boolean {
    return this.#swap?.kind === "silent";
  }

  /**
   * What queries start .. start + rows - 1 read instead of the blocks that oracle `layer` selected.
   * @throws Error as chosenInstead
   */
  insteadOf(layer: number, start: number, rows: number): BlockList | undefined {
    if (this.#swap?.kind !== "blocks") return undefined;
    const blocks = chosenInstead(this.#swap.choose, layer, { start, rows }, this.#a);
    // NO_BLOCK, -1, has all bits set.
    return new Uint32Array(blocks.buffer);
  }
}
