import { NO_BLOCK } from "../../../kernels/block-topk/block-topk.ts";
import { selectedBlocks, type Architecture } from "../../model/architecture.ts";
import type { SelectionSwap } from "../engine.ts";
import { chosenInstead, oracleBeforeLast } from "../swap.ts";
import type { ChosenBlocks } from "./dispatch-plan.ts";

/** What a swap gives the layers to read; without one, nothing else than they read anyway. */
export class SwappedReads {
  readonly #swap: SelectionSwap | undefined;
  readonly #a: Architecture;
  /** Sinks of a full layer that is restricted: it has none. [Hq] */
  readonly noSinks: Float32Array;

  /** @param swap one that swapRefusal allows */
  constructor(swap: SelectionSwap | undefined, a: Architecture) {
    this.#swap = swap;
    this.#a = a;
    this.noSinks = new Float32Array(a.queryHeads).fill(-Infinity);
  }

  /** The block-sparse branch gives zeros, and nobody reads what an oracle selected. */
  get silent(): boolean {
    return this.#swap?.kind === "silent";
  }

  /** The oracle whose blocks full layer `layer` is restricted to. */
  restriction(layer: number): number | undefined {
    const restricted = this.#swap?.kind === "restrict-last" && layer === this.#a.layers - 1;
    return restricted ? oracleBeforeLast(this.#a) : undefined;
  }

  /**
   * What queries start .. start + rows - 1 read instead of the blocks that oracle `layer` selected.
   * @throws Error as chosenInstead
   */
  insteadOf(layer: number, start: number, rows: number): ChosenBlocks | undefined {
    if (this.#swap?.kind !== "blocks") return undefined;
    const blocks = chosenInstead(this.#swap.choose, layer, { start, rows }, this.#a);
    return { kvHeads: this.#a.kvHeads, slots: selectedBlocks(this.#a), blocks, none: NO_BLOCK };
  }
}
