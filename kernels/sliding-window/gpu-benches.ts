import { benchModels } from "../bench-models.ts";
import { benchOf, type GpuBenchCase } from "../gpu-check.ts";
import type { GpuForm } from "../gpu-form.ts";
import { matrix, portable } from "./forms.ts";
import {
  ringAppendGpu,
  slidingWindowTunings,
  type SlidingWindowRun,
  type SlidingWindowShape,
  type SlidingWindowTuning,
} from "./gpu.ts";
import { matrixWindowTuningName, matrixWindowTunings } from "./matrix.ts";

const WINDOW = 128;
const ROWS = 2048;
const START = 30_720;

const attention = <Tuning>(
  form: GpuForm<SlidingWindowShape, SlidingWindowRun, Tuning>,
  tunings: readonly Tuning[],
  nameOf: (tuning: Tuning) => string,
): GpuBenchCase[] =>
  benchModels.flatMap(({ name, queryHeads, kvHeads, headDim }) =>
    tunings.map((tuning) => ({
      name: `sliding-window ${name} C=${ROWS} start=${START} w=${WINDOW} ${nameOf(tuning)}`,
      prepare: (traits) => {
        const shape = { queryHeads, kvHeads, headDim, window: WINDOW };
        if (!form.fits(shape, traits, tuning)) return { skip: "does not fit this device" };
        const queries = ROWS * queryHeads * headDim;
        const chunk = { values: ROWS * kvHeads * headDim, format: "f16" } as const;
        const ring = { values: WINDOW * kvHeads * headDim, format: "f16" } as const;
        return benchOf({
          op: form.make(shape, traits, tuning),
          run: { rows: ROWS, start: START },
          buffers: {
            q: { values: queries, format: "f32" },
            k: chunk,
            v: chunk,
            ringK: ring,
            ringV: ring,
            sinks: { values: queryHeads, format: "f32" },
            out: { bytes: queries * 4 },
          },
          flops: 4 * queries * WINDOW,
          bytes: 8 * queries + 4 * (chunk.values + ring.values),
        });
      },
    })),
  );

const portableName = ({ rows, keysEach, lanes, prefetch }: SlidingWindowTuning): string =>
  `tile=${rows}x${keysEach * lanes} threads=${(rows / 4) * lanes}${prefetch ? " prefetch" : ""}`;

const append = benchModels.map(({ name, kvHeads, headDim }): GpuBenchCase => ({
  name: `ring-append ${name} C=${ROWS} w=${WINDOW}`,
  prepare: (traits) => {
    const chunk = { values: ROWS * kvHeads * headDim, format: "f16" } as const;
    const ring = { values: WINDOW * kvHeads * headDim, format: "f16" } as const;
    return benchOf({
      op: ringAppendGpu({ kvHeads, headDim, window: WINDOW }, traits),
      run: { rows: ROWS, start: START },
      buffers: { k: chunk, v: chunk, ringK: ring, ringV: ring },
      flops: 0,
      bytes: 8 * ring.values,
    });
  },
}));

export const benches: readonly GpuBenchCase[] = [
  ...attention(portable, slidingWindowTunings, portableName),
  ...append,
  ...attention(matrix, matrixWindowTunings, matrixWindowTuningName),
];
