import { benchOf, type GpuBenchCase } from "../gpu-check.ts";
import { Random } from "../random.ts";
import { blockTopkGpu } from "./gpu.ts";

const sizes = [
  { rows: 2048, end: 32_768, kvHeads: 8 },
  { rows: 2048, end: 131_072, kvHeads: 8 },
  { rows: 1, end: 32_768, kvHeads: 8 },
  { rows: 1, end: 131_072, kvHeads: 8 },
  { rows: 1, end: 131_072, kvHeads: 2 },
];
const BLOCK = 64;
const SLOTS = 16;

/** Probabilities as a softmax gives them: logits of deviation 2, the largest of each block. */
function likeScores(values: number): Float32Array {
  const random = new Random(values);
  const pattern = Float32Array.from({ length: Math.min(values, 1 << 20) }, () =>
    Math.exp(2 * (random.normal() + 2.4) - 14),
  );
  return Float32Array.from({ length: values }, (_, i) => pattern[i % pattern.length]!);
}

export const benches: readonly GpuBenchCase[] = sizes.flatMap(({ rows, end, kvHeads }) =>
  (rows === 1 ? [64, 128, 256] : [32, 64, 128]).map((threads) => ({
    name: `block-topk C=${rows} T=${end} Hkv=${kvHeads} threads=${threads}`,
    prepare: (traits) => {
      const blocks = end / BLOCK;
      const chosen = rows * kvHeads * SLOTS;
      return benchOf({
        op: blockTopkGpu({ kvHeads, slots: SLOTS, block: BLOCK }, traits, { many: threads, few: threads }),
        run: { rows, start: end - rows, firstRow: 0 },
        buffers: {
          scores: { contents: likeScores(rows * kvHeads * blocks) },
          blocks: { bytes: chosen * 4 },
          selected: { bytes: chosen * 4 },
        },
        flops: 0,
        bytes: rows * kvHeads * blocks * 4 + chosen * 8,
      });
    },
  })),
);
