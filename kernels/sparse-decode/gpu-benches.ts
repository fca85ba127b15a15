import { benchModels, type BenchHeads } from "../bench-models.ts";
import { benchOf, type GpuBenchCase } from "../gpu-check.ts";
import type { GpuForm } from "../gpu-form.ts";
import { matrix, portable } from "./forms.ts";
import { sparseDecodeTunings } from "./gpu.ts";
import { matrixSparseDecodeTunings } from "./matrix.ts";
import type { SparseDecodeRun, SparseDecodeShape } from "./shape.ts";

const BLOCK = 64;
const SLOTS = 16;
const WINDOW = 128;

const bench = <Tuning>(
  form: GpuForm<SparseDecodeShape, SparseDecodeRun, Tuning>,
  shape: BenchHeads,
  keys: number,
  sparse: boolean,
  [note, tuning]: readonly [string, Tuning],
): GpuBenchCase => ({
  name: `sparse-decode${form.id === "matrix" ? " matrix" : ""} ${shape.name} T=${keys} k/B=${SLOTS} w=${WINDOW} ${note}${sparse ? "" : " window-only"}`,
  prepare: (traits) => {
    const { queryHeads, kvHeads, headDim } = shape;
    const layer = { queryHeads, kvHeads, headDim, block: BLOCK, slots: SLOTS, window: WINDOW, sparse };
    if (!form.fits(layer, traits, tuning)) return { skip: "the shape or the tuning does not fit this device" };
    const cache = { values: sparse ? kvHeads * keys * headDim : 4, format: "f16" } as const;
    const ring = { values: kvHeads * WINDOW * headDim, format: "f16" } as const;
    const sinks = { values: queryHeads, format: "f32" } as const;
    const out = { bytes: queryHeads * headDim * 4 };
    const every = keys / BLOCK / SLOTS;
    const read = WINDOW + (sparse ? SLOTS * BLOCK : 0);
    return benchOf({
      op: form.make(layer, traits, tuning),
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
});

/** The first tuning everywhere; all of them, and the window alone, where the context is longest. */
const benchesOf = <Tuning>(
  form: GpuForm<SparseDecodeShape, SparseDecodeRun, Tuning>,
  tunings: readonly (readonly [string, Tuning])[],
): GpuBenchCase[] =>
  benchModels.flatMap((shape) => [
    ...[8192, 32_768].map((keys) => bench(form, shape, keys, true, tunings[0]!)),
    ...tunings.flatMap((tuning) => [true, false].map((sparse) => bench(form, shape, 131_072, sparse, tuning))),
  ]);

export const benches: readonly GpuBenchCase[] = [
  ...benchesOf(
    portable,
    sparseDecodeTunings.map((tuning) => [`threads=${tuning.threads}`, tuning] as const),
  ),
  ...benchesOf(matrix, Object.entries(matrixSparseDecodeTunings)),
];
