import { aroundEdge, poisonRoom, type KernelCase, type CaseChunk } from "../kernel-case.ts";
import { Random } from "../random.ts";
import type { ScoredAttentionInput } from "./full-attention.ts";

interface Size extends CaseChunk {
  readonly block: number;
  /** Reserved rows beyond the last key, filled with NaN. */
  readonly spare: number;
  /** Deviation of queries and keys: 1 gives logits around 1, 4 gives peaks where a careless softmax overflows 16 bits. */
  readonly scale: number;
}

const base: Size = { rows: 9, start: 0, kvHeads: 2, group: 2, headDim: 16, block: 8, spare: 0, scale: 1 };

const sizes: readonly Size[] = [
  ...[4, 8, 64].flatMap((block) => aroundEdge(block).map((rows) => ({ ...base, block, rows }))),
  // A chunk, and a decode step, that begins just before, on and after a block's edge.
  ...[1, 5].flatMap((rows) => [7, 8, 9, 63, 64, 65].map((start) => ({ ...base, start, rows }))),
  ...[1, 2, 3, 4, 8].map((group) => ({ ...base, group, start: 20 })),
  ...[2, 8, 64, 128].map((headDim) => ({ ...base, headDim, start: 3 })),
  { ...base, spare: 5, start: 11 },
  { ...base, scale: 4, rows: 40 },
  { ...base, rows: 150, block: 64, kvHeads: 1, group: 4 },
];

/** The inputs of both forms of the op; the one without scores ignores `block`. */
export const cases: readonly KernelCase<ScoredAttentionInput>[] = sizes.map((size) => {
  const { rows, start, kvHeads, group, headDim, block, spare, scale } = size;
  const room = start + rows + spare;
  const queryHeads = kvHeads * group;
  return {
    name: `full-attention C=${rows} start=${start} Hkv=${kvHeads} G=${group} d=${headDim} B=${block} scale=${scale}`,
    inputs: (seed) => {
      const random = new Random(seed);
      const cache = (deviation: number): Float32Array =>
        poisonRoom(random.normals(kvHeads * room * headDim, deviation), kvHeads, room, start + rows, headDim);
      return {
        queries: random.normals(rows * queryHeads * headDim, scale),
        keys: cache(scale),
        values: cache(1),
        queryHeads,
        kvHeads,
        headDim,
        start,
        block,
      };
    },
  };
});
