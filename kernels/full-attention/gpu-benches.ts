import { benchModels, type BenchHeads } from "../bench-models.ts";
import { benchOf, type GpuBenchCase } from "../gpu-check.ts";
import type { GpuForm } from "../gpu-form.ts";
import { matrix, portable } from "./forms.ts";
import { tunings } from "./gpu-tunings.ts";
import { matrixTunings } from "./matrix-tunings.ts";
import type { FullAttentionRun, FullAttentionShape } from "./shape.ts";

const block = 64;

function benchOfSize<Tuning>(
  form: GpuForm<FullAttentionShape, FullAttentionRun, Tuning>,
  { name, queryHeads, kvHeads, headDim }: BenchHeads,
  rows: number,
  start: number,
  scores: boolean,
  tuning?: readonly [string, Tuning],
): GpuBenchCase {
  const room = start + rows;
  const title = form.id === "matrix" ? " matrix" : "";
  const notes = `${scores ? " with scores" : ""}${tuning === undefined ? "" : ` tile=${tuning[0]}`}`;
  return {
    name: `full-attention${title} ${name} T=${room} C=${rows}${notes}`,
    prepare: (traits) => {
      const shape = { queryHeads, kvHeads, headDim, block, scores };
      if (!form.fits(shape, traits, tuning?.[1])) return { skip: "the shape or the tuning does not fit this device" };
      const visible = rows * start + (rows * (rows + 1)) / 2;
      const ofScores = scores ? rows * kvHeads * Math.ceil(room / block) : 0;
      return benchOf({
        op: form.make(shape, traits, tuning?.[1]),
        run: { rows, start, room },
        buffers: {
          q: { values: rows * queryHeads * headDim, format: "f32" },
          k: { values: kvHeads * room * headDim, format: "f16" },
          v: { values: kvHeads * room * headDim, format: "f16" },
          out: { bytes: rows * queryHeads * headDim * 4 },
          ...(scores ? { scores: { bytes: ofScores * 4 } } : {}),
        },
        flops: 4 * headDim * queryHeads * visible,
        bytes: 2 * rows * queryHeads * headDim * 4 + 2 * kvHeads * room * headDim * 2 + ofScores * 4,
      });
    },
  };
}

const benchesOf = <Tuning>(
  form: GpuForm<FullAttentionShape, FullAttentionRun, Tuning>,
  tried: Readonly<Record<string, Tuning>>,
): GpuBenchCase[] => [
  ...benchModels.flatMap((heads) =>
    [
      { rows: 2048, start: 30720 },
      { rows: 4096, start: 28672 },
      { rows: 8192, start: 0 },
    ].flatMap(({ rows, start }) => [false, true].map((scores) => benchOfSize(form, heads, rows, start, scores))),
  ),
  ...benchModels.flatMap((heads) =>
    Object.entries(tried).map((tuning) => benchOfSize(form, heads, 2048, 30720, true, tuning)),
  ),
];

export const benches: readonly GpuBenchCase[] = [...benchesOf(portable, tunings), ...benchesOf(matrix, matrixTunings)];
