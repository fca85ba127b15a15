import { poisonRoom, type KernelCase } from "../kernel-case.ts";
import { Random } from "../random.ts";
import type { BlockMeansInput } from "./block-means.ts";

/** A call's positions, start .. start + rows - 1, and what it is drawn from. */
export interface Size {
  readonly start: number;
  readonly rows: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly block: number;
  readonly spare: number;
}

const base: Size = { start: 0, rows: 40, kvHeads: 2, headDim: 16, block: 8, spare: 3 };

/** No block filled, one by its last position alone, several, one begun before the call; widths and blocks off every tile. */
export const sizes: readonly Size[] = [
  base,
  ...[6, 7, 8, 9].map((rows) => ({ ...base, rows })),
  ...[7, 8, 12].flatMap((start) => [1, 20].map((rows) => ({ ...base, start, rows }))),
  ...[4, 12, 64, 128].map((headDim) => ({ ...base, headDim })),
  ...[1, 3, 16].map((block) => ({ ...base, block })),
  { ...base, kvHeads: 1, headDim: 64, block: 100, start: 230, rows: 300 },
];

export function meansCase(size: Size): KernelCase<BlockMeansInput> {
  const { start, rows, kvHeads, headDim, block, spare } = size;
  const tokens = start + rows;
  return {
    name: `block-means start=${start} C=${rows} Hkv=${kvHeads} d=${headDim} B=${block} spare=${spare}`,
    inputs: (seed) => {
      const keys = new Random(seed).normals(kvHeads * (tokens + spare) * headDim, 1, 0.5);
      return { keys: poisonRoom(keys, kvHeads, tokens + spare, tokens, headDim), kvHeads, headDim, block, tokens };
    },
  };
}
