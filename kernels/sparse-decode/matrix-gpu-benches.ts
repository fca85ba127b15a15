import { matrixAttendFits } from "../full-attention-decode/matrix-plan.ts";
import { benchOf, type GpuBenchCase } from "../gpu-check.ts";
import { fitsMatrixSparseDecode, matrixSparseDecodeTunings, sparseDecodeMatrix } from "./matrix.ts";

const shapes = [
  { name: "embedded", queryHeads: 6, kvHeads: 2, headDim: 64 },
  { name: "7B", queryHeads: 32, kvHeads: 8, headDim: 128 },
  { name: "80B", queryHeads: 64, kvHeads: 4, headDim: 128 },
];
const BLOCK = 64;
const SLOTS = 16;
const WINDOW = 128;

const tunings = Object.entries(matrixSparseDecodeTunings);

const cases = shapes.flatMap((shape) =>
  [8192, 32_768, 131_072].flatMap((keys) =>
    (keys === 131_072 ? tunings : tunings.slice(0, 1)).flatMap(([tuningName, tuning]) =>
      (keys === 131_072 ? [true, false] : [true]).map((sparse) => ({ shape, keys, tuningName, tuning, sparse })),
    ),
  ),
);

export const benches: readonly GpuBenchCase[] = cases.map(({ shape, keys, tuningName, tuning, sparse }) => ({
  name: `sparse-decode matrix ${shape.name} T=${keys} k/B=${SLOTS} w=${WINDOW} ${tuningName}${sparse ? "" : " window-only"}`,
  prepare: (traits) => {
    const { queryHeads, kvHeads, headDim } = shape;
    const layer = { queryHeads, kvHeads, headDim, block: BLOCK, slots: SLOTS, window: WINDOW, sparse };
    if (!fitsMatrixSparseDecode(layer, traits) || !matrixAttendFits(tuning, headDim, traits)) {
      return { skip: "no matrix units that fit" };
    }
    const cache = { values: sparse ? kvHeads * keys * headDim : 4, format: "f16" } as const;
    const ring = { values: kvHeads * WINDOW * headDim, format: "f16" } as const;
    const sinks = { values: queryHeads, format: "f32" } as const;
    const out = { bytes: queryHeads * headDim * 4 };
    const every = keys / BLOCK / SLOTS;
    const read = WINDOW + (sparse ? SLOTS * BLOCK : 0);
    return benchOf({
      op: sparseDecodeMatrix(layer, traits, tuning),
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
