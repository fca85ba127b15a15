import { NO_BLOCK } from "../../kernels/block-topk/block-topk.ts";
import { blockSparseCase, cases as sparseCases } from "../../kernels/block-sparse-attention/cases.ts";
import type { BlockSparseAttentionInput } from "../../kernels/block-sparse-attention/block-sparse-attention.ts";
import { cases as fullCases } from "../../kernels/full-attention/cases.ts";
import type { ScoredAttentionInput } from "../../kernels/full-attention/full-attention.ts";
import { aroundEdge, type KernelCase } from "../../kernels/kernel-case.ts";
import { Random } from "../../kernels/random.ts";
import { cases as windowCases } from "../../kernels/sliding-window/cases.ts";
import type { SlidingWindowInput } from "../../kernels/sliding-window/sliding-window.ts";

/**
 * Sizes for the CPU kernels beside those of the op folders: the edges of their own tiles (64 keys, 48 rows, 16 floats, a
 * decode step of more than one piece), every head size and group that the issue of these kernels names, odd ones between.
 */
const HEADS = [
  ...[64, 80, 96, 128].flatMap((d) => [1, 3, 4].map((G) => ({ G, d }))),
  ...[2, 5, 7, 8, 13, 16].map((G) => ({ G, d: 64 })),
  ...[6, 12, 20, 66].map((d) => ({ G: 3, d })),
];

export const sparse: readonly KernelCase<BlockSparseAttentionInput>[] = [
  ...sparseCases,
  ...HEADS.map(({ G, d }) => sized({ group: G, headDim: d, block: 64, slots: 3, rows: 70, start: 200 })),
  ...[16, 17, 32, 48, 64, 65, 96, 128].map((block) =>
    sized({ group: 3, headDim: 64, block, slots: 4, rows: 40, start: 5 * block - 20 }),
  ),
  ...aroundEdge(64).map((rows) => sized({ group: 3, headDim: 64, block: 64, slots: 2, rows, start: 190 })),
];

function sized(
  size: Pick<Parameters<typeof blockSparseCase>[0], "group" | "headDim" | "block" | "slots" | "rows" | "start">,
): KernelCase<BlockSparseAttentionInput> {
  return blockSparseCase({ kvHeads: 2, sinks: true, spare: 3, ...size });
}

export const full: readonly KernelCase<ScoredAttentionInput>[] = [
  ...fullCases,
  ...HEADS.map(({ G, d }) => fullCase({ G, d, B: 64, rows: 70, start: 130, deviation: 1 })),
  ...[1, 3, 16, 17, 32, 48, 64, 65, 96, 128].map((B) =>
    fullCase({ G: 3, d: 64, B, rows: 40, start: 230, deviation: 1 }),
  ),
  // Decode: one piece, two, three, the last with a single key; a block size that no piece is a multiple of.
  ...[2047, 2048, 2049, 4095, 4096].map((start) => fullCase({ G: 3, d: 64, B: 64, rows: 1, start, deviation: 1 })),
  fullCase({ G: 4, d: 20, B: 48, rows: 1, start: 2100, deviation: 1 }),
  // Logits of some hundreds: nearly all the weight on one key, everything else below the smallest numbers.
  ...[1, 60].map((rows) => fullCase({ G: 3, d: 64, B: 16, rows, start: 100, deviation: 6 })),
];

function fullCase(size: {
  G: number;
  d: number;
  B: number;
  rows: number;
  start: number;
  deviation: number;
}): KernelCase<ScoredAttentionInput> {
  const { G, d, B, rows, start, deviation } = size;
  return {
    name: `full-attention ${JSON.stringify(size)}`,
    inputs: (seed) => {
      const random = new Random(seed);
      const keys = 2 * (start + rows) * d;
      return {
        queries: random.normals(rows * 2 * G * d, deviation),
        keys: random.normals(keys, deviation),
        values: random.normals(keys),
        ...{ queryHeads: 2 * G, kvHeads: 2, headDim: d, start, block: B },
      };
    },
  };
}

export const window: readonly KernelCase<SlidingWindowInput>[] = [
  ...windowCases,
  ...HEADS.map(({ G, d }) => windowCase({ G, d, window: 70, rows: 90, start: 100 })),
  ...[63, 64, 65, 127, 128, 129, 300].flatMap((w) =>
    [0, 1, w - 1, w, 2 * w + 7].map((start) => windowCase({ G: 3, d: 64, window: w, rows: 45, start })),
  ),
  ...[1, 64, 128].map((start) => windowCase({ G: 3, d: 64, window: 128, rows: 1, start })),
  ...[4, 63, 64, 65, 200].flatMap((first) =>
    [0, 50, 64, 127 + first, 300].flatMap((start) =>
      [1, 45, 140].map((rows) => windowCase({ G: 3, d: 64, window: 128, rows, start, first })),
    ),
  ),
];

function windowCase(size: {
  G: number;
  d: number;
  window: number;
  rows: number;
  start: number;
  first?: number;
}): KernelCase<SlidingWindowInput> {
  const { G, d, window: w, rows, start, first = 0 } = size;
  return {
    name: `sliding-window ${JSON.stringify(size)}`,
    inputs: (seed) => {
      const random = new Random(seed);
      const from = Math.max(first, start - w + 1);
      const held = 2 * (Math.min(first, start + rows) + Math.max(0, start + rows - from)) * d;
      return {
        queries: random.normals(rows * 2 * G * d),
        keys: random.normals(held),
        values: random.normals(held),
        ...{ from, first, sinks: random.normals(2 * G), queryHeads: 2 * G, kvHeads: 2, headDim: d, window: w, start },
      };
    },
  };
}

/** The same input with a list of blocks for every query head. */
export function perQueryHead(input: BlockSparseAttentionInput, seed: number): BlockSparseAttentionInput {
  const { queries, queryHeads, headDim, block, slots, start } = input;
  const random = new Random(seed);
  const rows = queries.length / (queryHeads * headDim);
  const lists = new Int32Array(rows * queryHeads * slots).fill(NO_BLOCK);
  for (let n = 0; n < rows * queryHeads; n++) {
    const visible = Math.floor((start + Math.floor(n / queryHeads)) / block) + 1;
    const chosen = new Set<number>();
    while (chosen.size < Math.min(slots, visible)) chosen.add(random.integer(visible));
    lists.set(
      [...chosen].sort((a, b) => a - b),
      n * slots,
    );
  }
  return { ...input, blocks: lists, lists: queryHeads };
}
