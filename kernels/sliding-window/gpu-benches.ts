import { benchOf, type GpuBenchCase } from "../gpu-check.ts";
import { ringAppendGpu, slidingWindowFits, slidingWindowGpu, slidingWindowTunings } from "./gpu.ts";

const shapes = [
  { name: "embedded", queryHeads: 6, kvHeads: 2, headDim: 64 },
  { name: "7B", queryHeads: 32, kvHeads: 8, headDim: 128 },
  { name: "80B", queryHeads: 64, kvHeads: 4, headDim: 128 },
];
const WINDOW = 128;
const ROWS = 2048;
const START = 30_720;

const attention = shapes.flatMap(({ name, queryHeads, kvHeads, headDim }) =>
  slidingWindowTunings.map((tuning): GpuBenchCase => ({
    name:
      `sliding-window ${name} C=${ROWS} start=${START} w=${WINDOW} tile=${tuning.rows}x${tuning.keysEach * tuning.lanes} ` +
      `threads=${(tuning.rows / 4) * tuning.lanes}${tuning.prefetch ? " prefetch" : ""}`,
    prepare: (traits) => {
      if (!slidingWindowFits(headDim, tuning, traits)) return { skip: "does not fit" };
      const queries = ROWS * queryHeads * headDim;
      const chunk = { values: ROWS * kvHeads * headDim, format: "f16" } as const;
      const ring = { values: WINDOW * kvHeads * headDim, format: "f16" } as const;
      return benchOf({
        op: slidingWindowGpu({ queryHeads, kvHeads, headDim, window: WINDOW }, traits, tuning),
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

const append = shapes.map(({ name, kvHeads, headDim }): GpuBenchCase => ({
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

export const benches: readonly GpuBenchCase[] = [...attention, ...append];
