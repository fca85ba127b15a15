import { benchOf, type GpuBenchCase } from "../gpu-check.ts";
import { sparseDecodeGpu, sparseDecodeTunings } from "./gpu.ts";

const shapes = [
  { name: "embedded", queryHeads: 6, kvHeads: 2, headDim: 64 },
  { name: "7B", queryHeads: 32, kvHeads: 8, headDim: 128 },
  { name: "80B", queryHeads: 64, kvHeads: 4, headDim: 128 },
];
const BLOCK = 64;
const SLOTS = 16;
const WINDOW = 128;

const cases = shapes.flatMap((shape) =>
  [8192, 32_768, 131_072].flatMap((keys) =>
    (keys === 131_072 ? sparseDecodeTunings : sparseDecodeTunings.slice(0, 1)).flatMap((tuning) =>
      (keys === 131_072 ? [true, false] : [true]).map((sparse) => ({ shape, keys, tuning, sparse })),
    ),
  ),
);

export const benches: readonly GpuBenchCase[] = cases.map(({ shape, keys, tuning, sparse }) => ({
  name: `sparse-decode ${shape.name} T=${keys} k/B=${SLOTS} w=${WINDOW} threads=${tuning.threads}${sparse ? "" : " window-only"}`,
  prepare: (traits) => {
    const { queryHeads, kvHeads, headDim } = shape;
    const cache = { values: sparse ? kvHeads * keys * headDim : 4, format: "f16" } as const;
    const ring = { values: kvHeads * WINDOW * headDim, format: "f16" } as const;
    const sinks = { values: queryHeads, format: "f32" } as const;
    const out = { bytes: queryHeads * headDim * 4 };
    const every = keys / BLOCK / SLOTS;
    const read = WINDOW + (sparse ? SLOTS * BLOCK : 0);
    return benchOf({
      op: sparseDecodeGpu(
        { queryHeads, kvHeads, headDim, block: BLOCK, slots: SLOTS, window: WINDOW, sparse },
        traits,
        tuning,
      ),
      run: { position: keys - 1, room: keys, selectionRow: 0 },
      buffers: {
        q: { values: queryHeads * headDim, format: "f32" },
        k: cache,
        v: cache,
        ringK: ring,
        ringV: ring,
        blocks: {
          contents: Uint32Array.from({ length: kvHeads * SLOTS }, (_, i) => (i % SLOTS) * every + (i % every)),
        },
        sparseSinks: sinks,
        windowSinks: sinks,
        outSparse: out,
        outWindow: out,
      },
      flops: 4 * queryHeads * headDim * read,
      bytes: 4 * kvHeads * headDim * read + 4 * queryHeads * headDim * (sparse ? 3 : 2),
    });
  },
}));
