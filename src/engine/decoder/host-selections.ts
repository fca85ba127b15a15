import { selectedBlocks, type Architecture } from "../../model/architecture.ts";
import type { SelectionSwap } from "../engine.ts";
import { OracleSelection, type BlockList } from "../selection.ts";
import { chosenInstead } from "../swap.ts";
import type { Chunk, SelectionStore } from "./body.ts";
import { chooses, type LayerRole } from "./roles.ts";

/** What the oracles chose, in main memory, and what a swap gives to read in its place. */
export class HostSelections implements SelectionStore {
  readonly #roles: readonly LayerRole[];
  readonly #a: Architecture;
  readonly #swap: SelectionSwap | undefined;
  /** By oracle. */
  #records = new Map<number, OracleSelection>();
  /** By oracle, what the swap chose for the chunk that passes through the layers. */
  readonly #instead = new Map<number, BlockList>();

  constructor(roles: readonly LayerRole[], architecture: Architecture, swap: SelectionSwap | undefined) {
    this.#roles = roles;
    this.#a = architecture;
    this.#swap = swap;
    this.clear();
  }

  /** Where the choices of a layer go; undefined for one that feeds nobody. */
  of(layer: number): OracleSelection | undefined {
    return this.#records.get(layer);
  }

  /**
   * The choices of `layer` for a chunk lie in its record.
   * @throws Error where a swap's choice is none, see chosenInstead
   */
  chose(layer: number, chunk: Chunk): void {
    this.#record(layer).length = chunk.start + chunk.rows;
    if (this.#swap?.kind !== "blocks") return;
    // NO_BLOCK, -1, has all bits set.
    this.#instead.set(layer, new Uint32Array(chosenInstead(this.#swap.choose, layer, chunk, this.#a).buffer));
  }

  /** The blocks that a chunk's queries read through `layer`, once it chose: [rows, Hkv, k / B]. */
  readThrough(layer: number, { start, rows }: Chunk): BlockList {
    const { blocks, kvHeads, slots } = this.#record(layer);
    return this.#instead.get(layer) ?? blocks.subarray(start * kvHeads * slots, (start + rows) * kvHeads * slots);
  }

  reserve(tokens: number): void {
    for (const record of this.#records.values()) record.reserve(tokens, this.#a.block);
  }

  rewind(length: number): void {
    for (const record of this.#records.values()) record.length = length;
  }

  read(): Promise<readonly OracleSelection[]> {
    return Promise.resolve([...this.#records.values()]);
  }

  /** Whoever asked for the records keeps them: the next context gets new ones. */
  clear(): void {
    const { kvHeads, block } = this.#a;
    const slots = selectedBlocks(this.#a);
    this.#instead.clear();
    this.#records = new Map(
      this.#roles.flatMap((role, layer) =>
        chooses(role) ? [[layer, new OracleSelection(layer, kvHeads, slots, 0, block)] as const] : [],
      ),
    );
  }

  #record(layer: number): OracleSelection {
    const record = this.#records.get(layer);
    if (record === undefined) throw new Error(`layer ${layer} chooses no blocks`);
    return record;
  }
}
