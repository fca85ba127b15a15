import type { SelectionStore } from "./decoder/body.ts";
import { chooses, type LayerRole } from "./decoder/roles.ts";
import { OracleSelection } from "./selection.ts";
import type { Shape } from "./shape.ts";

const WORD = 4;

/** What an oracle chose: blocks u32 and their scores f32, both [T, Hkv, slots]. */
export interface HeldSelection<Block> {
  readonly blocks: Block;
  readonly selected: Block;
}

/** What the oracles chose, in memory of a device; read back only for whoever asks. */
export abstract class DeviceSelections<Block> implements SelectionStore {
  protected readonly oracles: readonly number[];
  /** Bytes of one query's choice in one of the two arrays. */
  protected readonly width: number;
  readonly #shape: Shape;
  readonly #held = new Map<number, HeldSelection<Block>>();

  constructor(roles: readonly LayerRole[], shape: Shape) {
    this.#shape = shape;
    this.oracles = roles.flatMap((role, layer) => (chooses(role) ? [layer] : []));
    this.width = shape.Hkv * shape.slots * WORD;
  }

  protected abstract allocate(bytes: number, layer: number): Block | Promise<Block>;
  protected abstract free(block: Block): void;
  /** Copies the first `bytes` bytes. */
  protected abstract copy(from: Block, to: Block, bytes: number): void;
  protected abstract download(block: Block, bytes: number): ArrayBuffer | Promise<ArrayBuffer>;

  /** Where the choices of a layer are; undefined for one that feeds nobody. */
  of(layer: number): HeldSelection<Block> | undefined {
    return this.#held.get(layer);
  }

  async reserve(tokens: number, held: number): Promise<void> {
    for (const layer of this.oracles) {
      const old = this.#held.get(layer);
      const blocks = await this.allocate(tokens * this.width, layer);
      const grown = { blocks, selected: await this.allocate(tokens * this.width, layer) };
      if (old !== undefined && held > 0) {
        this.copy(old.blocks, grown.blocks, held * this.width);
        this.copy(old.selected, grown.selected, held * this.width);
      }
      this.#free(old);
      this.#held.set(layer, grown);
    }
  }

  /** Rows beyond the context are never read. */
  rewind(): void {}

  async read(length: number): Promise<readonly OracleSelection[]> {
    const { Hkv, slots, B } = this.#shape;
    const all: OracleSelection[] = [];
    for (const layer of this.oracles) {
      const oracle = new OracleSelection(layer, Hkv, slots, length, B);
      oracle.length = length;
      const held = this.#held.get(layer);
      if (held !== undefined && length > 0) {
        // A 16-bit array keeps the low half of "no block", which is its own mark for it.
        oracle.blocks.set(new Uint32Array(await this.download(held.blocks, length * this.width)));
        oracle.scores.set(new Float32Array(await this.download(held.selected, length * this.width)));
      }
      all.push(oracle);
    }
    return all;
  }

  clear(): void {
    for (const held of this.#held.values()) this.#free(held);
    this.#held.clear();
  }

  #free(held: HeldSelection<Block> | undefined): void {
    if (held === undefined) return;
    this.free(held.blocks);
    this.free(held.selected);
  }
}
