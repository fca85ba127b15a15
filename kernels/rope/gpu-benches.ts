import { benchOf, type GpuBenchCase } from "../gpu-check.ts";
import { ropeSplitGpu, ropeTables } from "./gpu.ts";

const CONTEXT = 32_768;

const sizes = [
  { model: "7B", queryHeads: 32, kvHeads: 8, headDim: 128, extra: 64, rows: 2048 },
  { model: "7B", queryHeads: 32, kvHeads: 8, headDim: 128, extra: 64, rows: 1 },
  { model: "embedded", queryHeads: 6, kvHeads: 2, headDim: 64, extra: 12, rows: 2048 },
];

export const benches: readonly GpuBenchCase[] = sizes.map(({ model, queryHeads, kvHeads, headDim, extra, rows }) => ({
  name: `rope split ${model} C=${rows}`,
  prepare: (traits) => {
    const width = (queryHeads + 2 * kvHeads) * headDim + extra;
    const { coarse, fine } = ropeTables(headDim, { base: 640_000 }, CONTEXT);
    const pairs = rows * (queryHeads + kvHeads) * (headDim / 2);
    const cache = kvHeads * CONTEXT * headDim * 2;
    return benchOf({
      op: ropeSplitGpu({ queryHeads, kvHeads, headDim, extra }, traits),
      run: { rows, start: CONTEXT - rows, room: CONTEXT, firstRow: CONTEXT - rows },
      buffers: {
        projected: { values: rows * width, format: "f32" },
        coarse: { contents: coarse },
        fine: { contents: fine },
        q: { bytes: rows * queryHeads * headDim * 4 },
        k: { bytes: cache },
        v: { bytes: cache },
      },
      flops: 12 * pairs,
      bytes: rows * headDim * (4 * (2 * queryHeads + 2 * kvHeads) + 2 * 2 * kvHeads),
    });
  },
}));
