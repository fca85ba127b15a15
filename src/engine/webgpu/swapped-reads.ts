import type { Architecture } from "../../model/architecture.ts";
import type { SelectionSwap } from "../engine.ts";
import { shapeOf } from "../shape.ts";
import type { Chunk } from "../decoder/body.ts";
import { chooses, type LayerRole } from "../decoder/roles.ts";
import { chosenInstead } from "../swap.ts";
import type { GpuBlock } from "./allocator.ts";
import type { BlockRows } from "./layer-step.ts";
import type { GpuSession } from "./session.ts";

const WORD = 4;
/** Finite, also times log2 e: beside this sink every exponential is exactly zero. */
const WHOLE_SINK = 1e30;
const SINKS = "swapped sinks";

/**
 * What a swap gives the layers to read. What the oracles choose is left alone: other blocks lie in buffers of their own,
 * rows for one chunk, and so do sinks in place of the model's.
 */
export class SwappedReads {
  readonly #session: GpuSession;
  readonly #architecture: Architecture;
  readonly #swap: SelectionSwap;
  /** Layers that choose blocks for others. */
  readonly #oracles: ReadonlySet<number>;

  /** @param swap one that swapRefusal allows */
  constructor(session: GpuSession, architecture: Architecture, swap: SelectionSwap, roles: readonly LayerRole[]) {
    this.#session = session;
    this.#architecture = architecture;
    this.#swap = swap;
    this.#oracles = new Set(roles.flatMap((role, layer) => (chooses(role) ? [layer] : [])));
  }

  /** Makes the buffers for chunks of at most `rows` queries. Whether any was replaced. */
  async ensure(rows: number): Promise<boolean> {
    const { workspace, device } = this.#session;
    const { Hq, Hkv, slots } = shapeOf(this.#architecture);
    if (this.#swap.kind === "blocks") {
      const names = [...this.#oracles].map(nameInstead);
      return workspace.ensure("selection", Object.fromEntries(names.map((name) => [name, rows * Hkv * slots * WORD])));
    }
    if (this.#swap.kind !== "silent") return false;
    const replaced = await workspace.ensure("selection", { [SINKS]: Hq * WORD });
    device.gpu.queue.writeBuffer(workspace.get(SINKS).buffer, 0, new Float32Array(Hq).fill(WHOLE_SINK));
    return replaced;
  }

  /** Sinks for a layer's attention to blocks, in place of the model's; undefined where the swap leaves them. */
  sinksOf({ silent }: LayerRole): GpuBlock | undefined {
    return silent ? this.#session.workspace.get(SINKS) : undefined;
  }

  /**
   * Asks for the blocks that the layers of an oracle read of a chunk. To be called after all of the chunk before was
   * submitted, and before anything that reads them is.
   * @throws Error where the choice is none, see chosenInstead
   */
  choose(layer: number, chunk: Chunk): void {
    if (this.#swap.kind !== "blocks" || !this.#oracles.has(layer)) return;
    const { workspace, device } = this.#session;
    const blocks = chosenInstead(this.#swap.choose, layer, chunk, this.#architecture);
    device.gpu.queue.writeBuffer(workspace.get(nameInstead(layer)).buffer, 0, new Int32Array(blocks));
  }

  /** Blocks of this chunk in place of those that an oracle chose; undefined where the swap leaves them. */
  insteadOf(oracle: number): BlockRows | undefined {
    if (this.#swap.kind !== "blocks" || !this.#oracles.has(oracle)) return undefined;
    return { blocks: this.#session.workspace.get(nameInstead(oracle)), firstRow: 0 };
  }
}

function nameInstead(oracle: number): string {
  return `blocks instead of those of ${oracle}`;
}
