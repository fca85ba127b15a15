import type { KernelCase } from "../kernel-case.ts";
import { Random } from "../random.ts";
import type { BlockTopkInput } from "./block-topk.ts";

interface Size {
  readonly rows: number;
  readonly start: number;
  readonly kvHeads: number;
  readonly block: number;
  readonly slots: number;
  /** Scores are drawn from this many values, so few of them means many exact ties; 0 draws real numbers. */
  readonly levels: number;
  /** The query's own block is always in; scores are of either sign then, as a gate's are. */
  readonly own?: boolean;
}

const base: Size = { rows: 5, start: 0, kvHeads: 2, block: 4, slots: 3, levels: 0 };

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
    [1, 3].flatMap((slots) => [0, 3].map((levels) => ({ ...base, slots, start, levels, own: true }))),
  ),
  { ...base, block: 1, slots: 16, start: 600, rows: 2, own: true },
];

export const cases: readonly KernelCase<BlockTopkInput>[] = sizes.map(
  ({ rows, start, kvHeads, block, slots, levels, own = false }) => ({
    name: `block-topk C=${rows} start=${start} Hkv=${kvHeads} B=${block} k/B=${slots} levels=${levels}${own ? " own" : ""}`,
    inputs: (seed) => {
      const random = new Random(seed);
      const blocks = Math.ceil((start + rows) / block);
      const scores = Float32Array.from({ length: rows * kvHeads * blocks }, () =>
        levels === 0 ? random.uniform() : (1 + random.integer(levels)) / levels,
      );
      if (own) scores.forEach((score, i) => (scores[i] = 2 * score - 1));
      return { scores, kvHeads, blocks, slots, block, start, own };
    },
  }),
);
