import type { Chunk } from "../decoder/body.ts";
import type { LayerRole } from "../decoder/roles.ts";
import type { SelectionSwap } from "../engine.ts";
import type { Architecture } from "../../model/architecture.ts";
import { DeviceSelections } from "../device-selections.ts";
import { shapeOf } from "../shape.ts";
import { chosenInstead } from "../swap.ts";
import type { CudaBlock } from "./block.ts";
import type { CudaSession } from "./session.ts";

/** The oracles' choices, and what a swap gives to read in their place. */
export class CudaSelections extends DeviceSelections<CudaBlock> {
  readonly #session: CudaSession;
  readonly #architecture: Architecture;
  readonly #swap: SelectionSwap | undefined;

  constructor(
    session: CudaSession,
    roles: readonly LayerRole[],
    architecture: Architecture,
    swap: SelectionSwap | undefined,
  ) {
    super(roles, shapeOf(architecture));
    this.#session = session;
    this.#architecture = architecture;
    this.#swap = swap;
  }

  /** Where a layer's choices for a chunk go. */
  into(layer: number, { start }: Chunk): { readonly blocks: bigint; readonly scores: bigint } {
    const held = this.of(layer);
    if (held === undefined) throw new Error(`layer ${layer} chooses no blocks`);
    const at = BigInt(start * this.width);
    return { blocks: held.blocks.address + at, scores: held.selected.address + at };
  }

  /**
   * Asks a swap for the blocks that the layers after an oracle read of a chunk.
   * @throws Error where the choice is none, see chosenInstead
   */
  choose(layer: number, chunk: Chunk): void {
    if (this.#swap?.kind !== "blocks" || !this.oracles.includes(layer)) return;
    const { context, workspace } = this.#session;
    workspace.ensure({ [nameInstead(layer)]: chunk.rows * this.width });
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

  protected allocate(bytes: number, layer: number): CudaBlock {
    return this.#session.allocator.allocate("selection", bytes, layer);
  }

  protected free(block: CudaBlock): void {
    this.#session.allocator.free(block);
  }

  protected copy(from: CudaBlock, to: CudaBlock, bytes: number): void {
    this.#session.context.copy(from.address, to.address, bytes);
  }

  protected download(block: CudaBlock, bytes: number): ArrayBuffer {
    return this.#session.context.download(block, new Uint8Array(bytes)).buffer;
  }
}

function nameInstead(oracle: number): string {
  return `blocks instead of those of ${oracle}`;
}
