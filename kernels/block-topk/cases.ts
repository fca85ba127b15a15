import type { KernelCase } from "../kernel-case.ts";
import { Random } from "../random.ts";
import { OWN_BLOCK, type BlockTopkInput, type ForcedBlocks } from "./block-topk.ts";

interface Size {
  readonly rows: number;
  readonly start: number;
  readonly kvHeads: number;
  readonly block: number;
  readonly slots: number;
  /** Scores are drawn from this many values, so few of them means many exact ties; 0 draws real numbers. */
  readonly levels: number;
  readonly forced?: ForcedBlocks;
  /** Scores are of either sign, as a gate's are. */
  readonly signed?: boolean;
}

const base: Size = { rows: 5, start: 0, kvHeads: 2, block: 4, slots: 3, levels: 0 };

/** As MoBA has it. */
const own = { forced: OWN_BLOCK, signed: true } as const;

const sizes: readonly Size[] = [
  // From fewer visible blocks than slots, through exactly as many, to more.
  ...[0, 7, 8, 9, 11, 12, 13, 100].flatMap((start) => [0, 3].map((levels) => ({ ...base, start, levels }))),
  // All scores equal: the lowest blocks win.
  { ...base, start: 50, levels: 1 },
  ...[1, 2, 16, 17].map((slots) => ({ ...base, slots, start: 63, levels: 8 })),
  ...[1, 64].map((block) => ({ ...base, block, start: 3 * block - 1, rows: 3 })),
  // More blocks than a workgroup has threads.
  { ...base, block: 1, slots: 16, start: 600, rows: 2 },
  // The own block always in: alone, beside fewer rivals than slots, as many, more; ties.
  ...[0, 3, 7, 8, 9, 12, 100].flatMap((start) =>
    [1, 3].flatMap((slots) => [0, 3].map((levels) => ({ ...base, slots, start, levels, ...own }))),
  ),
  { ...base, block: 1, slots: 16, start: 600, rows: 2, ...own },
  // First and newest blocks always in: fewer visible than slots, as many, more; ties; nothing left to choose.
  ...[0, 15, 19, 20, 23, 24, 100].flatMap((start) =>
    [0, 3].map((levels) => ({ ...base, slots: 5, start, levels, forced: { first: 1, last: 2 } })),
  ),
  { ...base, slots: 3, start: 50, forced: { first: 2, last: 1 } },
  { ...base, block: 1, slots: 140, start: 600, rows: 2, forced: { first: 4, last: 128 } },
];

export const cases: readonly KernelCase<BlockTopkInput>[] = sizes.map(
  ({ rows, start, kvHeads, block, slots, levels, forced, signed = false }) => ({
    name:
      `block-topk C=${rows} start=${start} Hkv=${kvHeads} B=${block} k/B=${slots} levels=${levels}` +
      (forced === undefined ? "" : ` forced=${forced.first}+${forced.last}`),
    inputs: (seed) => {
      const random = new Random(seed);
      const blocks = Math.ceil((start + rows) / block);
      const scores = Float32Array.from({ length: rows * kvHeads * blocks }, () =>
        levels === 0 ? random.uniform() : (1 + random.integer(levels)) / levels,
      );
      if (signed) scores.forEach((score, i) => (scores[i] = 2 * score - 1));
      return { scores, kvHeads, blocks, slots, block, start, forced };
    },
  }),
);
