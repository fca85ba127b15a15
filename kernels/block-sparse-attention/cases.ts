import { NO_BLOCK } from "../block-topk/block-topk.ts";
import { aroundEdge, poisonRoom, type KernelCase, type CaseChunk } from "../kernel-case.ts";
import { Random } from "../random.ts";
import type { BlockSparseAttentionInput } from "./block-sparse-attention.ts";

/** What a case is drawn from. */
export interface Size extends CaseChunk {
  readonly block: number;
  readonly slots: number;
  readonly sinks: boolean;
  readonly spare: number;
  /** A list for every query head instead of one for a group. */
  readonly each?: boolean;
}

const base: Size = {
  rows: 6,
  start: 30,
  kvHeads: 2,
  group: 2,
  headDim: 16,
  block: 8,
  slots: 2,
  sinks: true,
  spare: 0,
};

const sizes: readonly Size[] = [
  ...[4, 8, 64].flatMap((block) => aroundEdge(block).map((rows) => ({ ...base, block, rows, start: 0 }))),
  ...[7, 8, 9, 15, 16, 17, 64].map((start) => ({ ...base, start, rows: 1 })),
  ...[1, 2, 3, 4, 8].map((group) => ({ ...base, group })),
  ...[2, 8, 64, 128].map((headDim) => ({ ...base, headDim })),
  ...[1, 4, 5, 16].map((slots) => ({ ...base, slots })),
  { ...base, sinks: false },
  { ...base, spare: 7 },
  { ...base, group: 3, each: true },
];

/** `slots` different blocks below `visible`, ascending, NO_BLOCK in what is left; any choice, not only a best one. */
function anyBlocks(random: Random, visible: number, slots: number): number[] {
  const order = Array.from({ length: visible }, (_, i) => ({ i, key: random.uniform() }));
  const taken = order.sort((a, b) => a.key - b.key).slice(0, slots);
  const ascending = taken.map(({ i }) => i).sort((a, b) => a - b);
  return [...ascending, ...Array<number>(slots - ascending.length).fill(NO_BLOCK)];
}

/** Random inputs of a size, with a random selection. */
export function blockSparseCase(size: Size): KernelCase<BlockSparseAttentionInput> {
  const { rows, start, kvHeads, group, headDim, block, slots, sinks, spare, each = false } = size;
  const queryHeads = kvHeads * group;
  const lists = each ? queryHeads : kvHeads;
  const room = start + rows + spare;
  return {
    name:
      `block-sparse-attention C=${rows} start=${start} Hkv=${kvHeads} G=${group} d=${headDim} B=${block} ` +
      `k/B=${slots} sinks=${sinks ? "yes" : "no"} spare=${spare}${each ? " each" : ""}`,
    inputs: (seed) => {
      const random = new Random(seed);
      const cache = (): Float32Array =>
        poisonRoom(random.normals(kvHeads * room * headDim), kvHeads, room, start + rows, headDim);
      const blocks = Array.from({ length: rows * lists }, (_, n) =>
        anyBlocks(random, Math.floor((start + Math.floor(n / lists)) / block) + 1, slots),
      );
      return {
        queries: random.normals(rows * queryHeads * headDim),
        keys: cache(),
        values: cache(),
        blocks: Int32Array.from(blocks.flat()),
        lists,
        sinks: sinks ? random.normals(queryHeads) : new Float32Array(queryHeads).fill(-Infinity),
        queryHeads,
        kvHeads,
        headDim,
        block,
        slots,
        start,
      };
    },
  };
}

export const cases: readonly KernelCase<BlockSparseAttentionInput>[] = sizes.map(blockSparseCase);
