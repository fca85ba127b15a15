import type { SelectionStore } from "../decoder/body.ts";
import { chooses, type LayerRole } from "../decoder/roles.ts";
import { OracleSelection } from "../selection.ts";
import type { Shape } from "../shape.ts";
import type { GpuBlock } from "./allocator.ts";
import type { SelectionBlocks } from "./layer-step.ts";
import { download } from "./readback.ts";
import type { GpuSession } from "./session.ts";

const WORD = 4;

/** What the oracles chose, in buffers of the device; read back only for whoever asks. */
export class DeviceSelections implements SelectionStore {
  readonly #session: GpuSession;
  readonly #shape: Shape;
  readonly #oracles: readonly number[];
  /** By oracle. */
  readonly #held = new Map<number, SelectionBlocks>();

  constructor(session: GpuSession, roles: readonly LayerRole[], shape: Shape) {
    this.#session = session;
    this.#shape = shape;
    this.#oracles = roles.flatMap((role, layer) => (chooses(role) ? [layer] : []));
  }

  /** Where the choices of a layer go; undefined for one that feeds nobody. */
  of(layer: number): SelectionBlocks | undefined {
    return this.#held.get(layer);
  }

  async reserve(tokens: number, held: number): Promise<void> {
    const { device, allocator } = this.#session;
    for (const layer of this.#oracles) {
      const old = this.#held.get(layer);
      const blocks = await allocator.allocate("selection", this.#bytes(tokens), layer);
      const selected = await allocator.allocate("selection", this.#bytes(tokens), layer);
      if (old !== undefined && held > 0) {
        const encoder = device.gpu.createCommandEncoder();
        encoder.copyBufferToBuffer(old.blocks.buffer, 0, blocks.buffer, 0, this.#bytes(held));
        encoder.copyBufferToBuffer(old.selected.buffer, 0, selected.buffer, 0, this.#bytes(held));
        device.gpu.queue.submit([encoder.finish()]);
      }
      this.#free(old);
      this.#held.set(layer, { blocks, selected });
    }
  }

  /** Rows beyond the context are never read. */
  rewind(): void {}

  async read(length: number): Promise<readonly OracleSelection[]> {
    const { Hkv, slots, B } = this.#shape;
    const all: OracleSelection[] = [];
    for (const layer of this.#oracles) {
      const oracle = new OracleSelection(layer, Hkv, slots, length, B);
      oracle.length = length;
      const held = this.#held.get(layer);
      if (held !== undefined && length > 0) {
        // A 16-bit array keeps the low half of "no block", which is its own mark for it.
        oracle.blocks.set(new Uint32Array(await this.#download(held.blocks, length)));
        oracle.scores.set(new Float32Array(await this.#download(held.selected, length)));
      }
      all.push(oracle);
    }
    return all;
  }

  clear(): void {
    for (const selection of this.#held.values()) this.#free(selection);
    this.#held.clear();
  }

  #download(block: GpuBlock, length: number): Promise<ArrayBuffer> {
    const { device, allocator } = this.#session;
    return download(device, allocator, block, 0, this.#bytes(length));
  }

  #bytes(queries: number): number {
    return queries * this.#shape.Hkv * this.#shape.slots * WORD;
  }

  #free(selection: SelectionBlocks | undefined): void {
    if (selection === undefined) return;
    this.#session.allocator.free(selection.blocks);
    this.#session.allocator.free(selection.selected);
  }
}
