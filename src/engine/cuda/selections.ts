import type { Chunk, SelectionStore } from "../decoder/body.ts";
import { chooses, type LayerRole } from "../decoder/roles.ts";
import type { SelectionSwap } from "../engine.ts";
import type { Architecture } from "../../model/architecture.ts";
import { OracleSelection } from "../selection.ts";
import { shapeOf } from "../shape.ts";
import { chosenInstead } from "../swap.ts";
import type { CudaBlock } from "./block.ts";
import type { CudaSession } from "./session.ts";

const WORD = 4;

/** What an oracle chose: blocks u32 and scores f32, both [T, Hkv, slots]. */
interface Held {
  readonly blocks: CudaBlock;
  readonly scores: CudaBlock;
}

/** What the oracles chose, on the device, and what a swap gives to read in its place; read back only for whoever asks. */
export class CudaSelections implements SelectionStore {
  readonly #session: CudaSession;
  readonly #architecture: Architecture;
  readonly #swap: SelectionSwap | undefined;
  readonly #oracles: readonly number[];
  readonly #held = new Map<number, Held>();
  /** Bytes of one query's choice in one of the two arrays. */
  readonly #width: number;

  constructor(
    session: CudaSession,
    roles: readonly LayerRole[],
    architecture: Architecture,
    swap: SelectionSwap | undefined,
  ) {
    const { Hkv, slots } = shapeOf(architecture);
    this.#session = session;
    this.#architecture = architecture;
    this.#swap = swap;
    this.#oracles = roles.flatMap((role, layer) => (chooses(role) ? [layer] : []));
    this.#width = Hkv * slots * WORD;
  }

  /** Where a layer's choices for a chunk go. */
  into(layer: number, { start }: Chunk): { readonly blocks: bigint; readonly scores: bigint } {
    const { blocks, scores } = this.#of(layer);
    const at = BigInt(start * this.#width);
    return { blocks: blocks.address + at, scores: scores.address + at };
  }

  /**
   * Asks a swap for the blocks that the layers after an oracle read of a chunk.
   * @throws Error where the choice is none, see chosenInstead
   */
  choose(layer: number, chunk: Chunk): void {
    if (this.#swap?.kind !== "blocks" || !this.#oracles.includes(layer)) return;
    const { context, workspace } = this.#session;
    workspace.ensure({ [nameInstead(layer)]: chunk.rows * this.#width });
    context.upload(
      workspace.get(nameInstead(layer)),
      chosenInstead(this.#swap.choose, layer, chunk, this.#architecture),
    );
  }

  /** The blocks that a chunk's queries read through an oracle, u32 [rows, Hkv, slots]. */
  readThrough(oracle: number, chunk: Chunk): bigint {
    if (this.#swap?.kind === "blocks") return this.#session.workspace.get(nameInstead(oracle)).address;
    return this.into(oracle, chunk).blocks;
  }

  reserve(tokens: number, held: number): void {
    const { context, allocator } = this.#session;
    for (const layer of this.#oracles) {
      const old = this.#held.get(layer);
      const grown: Held = {
        blocks: allocator.allocate("selection", tokens * this.#width, layer),
        scores: allocator.allocate("selection", tokens * this.#width, layer),
      };
      if (old !== undefined) {
        context.copy(old.blocks.address, grown.blocks.address, held * this.#width);
        context.copy(old.scores.address, grown.scores.address, held * this.#width);
      }
      this.#free(old);
      this.#held.set(layer, grown);
    }
  }

  /** Rows beyond the context are never read. */
  rewind(): void {}

  read(length: number): Promise<readonly OracleSelection[]> {
    const { Hkv, slots, B } = shapeOf(this.#architecture);
    const { context } = this.#session;
    const all = this.#oracles.map((layer) => {
      const oracle = new OracleSelection(layer, Hkv, slots, length, B);
      oracle.length = length;
      const held = this.#held.get(layer);
      if (held !== undefined) {
        // A 16-bit array keeps the low half of "no block", which is its own mark for it.
        oracle.blocks.set(context.download(held.blocks, new Uint32Array(length * Hkv * slots)));
        context.download(held.scores, oracle.scores.subarray(0, length * Hkv * slots));
      }
      return oracle;
    });
    return Promise.resolve(all);
  }

  clear(): void {
    for (const held of this.#held.values()) this.#free(held);
    this.#held.clear();
  }

  #of(layer: number): Held {
    const held = this.#held.get(layer);
    if (held === undefined) throw new Error(`layer ${layer} chooses no blocks`);
    return held;
  }

  #free(held: Held | undefined): void {
    this.#session.allocator.free(held?.blocks);
    this.#session.allocator.free(held?.scores);
  }
}

function nameInstead(oracle: number): string {
  return `blocks instead of those of ${oracle}`;
}
