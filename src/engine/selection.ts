/** Blocks per query and list, ascending. Unused slots, always last, have all bits set. */
export type BlockList = Uint16Array | Uint32Array;

/** Marks an unused slot of 16 bits: the query saw fewer blocks than k / B. */
export const NO_BLOCK_16 = 0xffff;

/** What marks an unused slot of a list. */
export function noBlockOf(list: BlockList): number {
  return list instanceof Uint16Array ? NO_BLOCK_16 : 0xffffffff;
}

/**
 * What one oracle chose: for every query and KV head up to k / B blocks, ascending, with their scores.
 * Indices are 16-bit while block numbers fit (up to 65,535 blocks, 4 M tokens at B = 64), 32-bit beyond.
 */
export class OracleSelection {
  readonly layer: number;
  readonly kvHeads: number;
  readonly slots: number;
  /** [T, Hkv, slots]; unused slots hold `none`. */
  blocks: BlockList;
  /** [T, Hkv, slots]; unused slots hold 0. */
  scores: Float32Array;
  length = 0;

  constructor(layer: number, kvHeads: number, slots: number, tokens: number, block: number) {
    this.layer = layer;
    this.kvHeads = kvHeads;
    this.slots = slots;
    const size = tokens * kvHeads * slots;
    this.blocks = Math.ceil(tokens / block) < NO_BLOCK_16 ? new Uint16Array(size) : new Uint32Array(size);
    this.scores = new Float32Array(size);
  }

  /** The value that marks an unused slot. */
  get none(): number {
    return noBlockOf(this.blocks);
  }

  get capacity(): number {
    return this.scores.length / (this.kvHeads * this.slots);
  }

  /** Makes room for `tokens` queries in all. */
  reserve(tokens: number, block: number): void {
    if (tokens <= this.capacity) return;
    const size = tokens * this.kvHeads * this.slots;
    const wide = this.blocks instanceof Uint32Array || Math.ceil(tokens / block) >= NO_BLOCK_16;
    const blocks = wide ? new Uint32Array(size) : new Uint16Array(size);
    const before = this.none;
    blocks.set(this.blocks);
    if (wide && before === NO_BLOCK_16) {
      for (let i = 0; i < this.blocks.length; i++) if (blocks[i] === NO_BLOCK_16) blocks[i] = 0xffffffff;
    }
    const scores = new Float32Array(size);
    scores.set(this.scores);
    this.blocks = blocks;
    this.scores = scores;
  }

  /** The blocks that `query` reads through `kvHead`, ascending, with their scores. */
  at(query: number, kvHead: number): { blocks: number[]; scores: number[] } {
    const from = (query * this.kvHeads + kvHead) * this.slots;
    const blocks: number[] = [];
    const scores: number[] = [];
    for (let i = from; i < from + this.slots && this.blocks[i] !== this.none; i++) {
      blocks.push(this.blocks[i]!);
      scores.push(this.scores[i]!);
    }
    return { blocks, scores };
  }
}

/** Every oracle's choices, in layer order. Only oracles that feed a sparse layer are here. */
export interface Selection {
  readonly oracles: readonly OracleSelection[];
}
