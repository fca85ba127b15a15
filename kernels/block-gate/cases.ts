import { poisonRoom, type KernelCase, type CaseChunk } from "../kernel-case.ts";
import { Random } from "../random.ts";
import type { BlockGateInput } from "./block-gate.ts";

export interface Size extends CaseChunk {
  readonly block: number;
  readonly spare: number;
}

const base: Size = { rows: 9, start: 30, kvHeads: 2, group: 2, headDim: 16, block: 8, spare: 2 };

/** No block to judge, one, more than a tile of 64; groups, widths, and single queries. */
export const sizes: readonly Size[] = [
  ...[0, 7, 8, 9].flatMap((start) => [1, 9].map((rows) => ({ ...base, start, rows }))),
  ...[1, 3, 8].map((group) => ({ ...base, group })),
  ...[4, 12, 64, 80, 128].map((headDim) => ({ ...base, headDim })),
  ...[1, 50].map((rows) => ({ ...base, rows, start: 1050 })),
  { ...base, kvHeads: 1, group: 3, headDim: 64, block: 100, rows: 300, start: 130 },
];

export function gateCase(size: Size): KernelCase<BlockGateInput> {
  const { rows, start, kvHeads, group, headDim, block, spare } = size;
  return {
    name: `block-gate C=${rows} start=${start} Hkv=${kvHeads} G=${group} d=${headDim} B=${block} spare=${spare}`,
    inputs: (seed) => {
      const random = new Random(seed);
      const used = Math.floor((start + rows - 1) / block);
      const means = random.normals(kvHeads * (used + spare) * headDim);
      return {
        queries: random.normals(rows * kvHeads * group * headDim),
        means: poisonRoom(means, kvHeads, used + spare, used, headDim),
        queryHeads: kvHeads * group,
        ...{ kvHeads, headDim, block, start },
      };
    },
  };
}
