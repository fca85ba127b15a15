import { benchOf, type GpuBenchCase } from "../gpu-check.ts";
import { fitsMatrix, fullAttentionMatrix } from "./matrix.ts";
import { matrixFits, matrixTunings, type MatrixTuning } from "./matrix-tunings.ts";

interface Heads {
  readonly name: string;
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

const dense: Heads = { name: "7B", queryHeads: 32, kvHeads: 8, headDim: 128 };
const experts: Heads = { name: "80B", queryHeads: 64, kvHeads: 4, headDim: 128 };
const embedded: Heads = { name: "embedded", queryHeads: 6, kvHeads: 2, headDim: 64 };
const block = 64;

function benchOfSize(
  { name, queryHeads, kvHeads, headDim }: Heads,
  rows: number,
  start: number,
  scores: boolean,
  tuning?: readonly [string, MatrixTuning],
): GpuBenchCase {
  const room = start + rows;
  const variant = `${scores ? " with scores" : ""}${tuning === undefined ? "" : ` tile=${tuning[0]}`}`;
  return {
    name: `full-attention matrix ${name} T=${room} C=${rows}${variant}`,
    prepare: (traits) => {
      const shape = { queryHeads, kvHeads, headDim, block, scores };
      if (!fitsMatrix(shape, traits)) return { skip: "no matrix units for this shape" };
      if (tuning !== undefined && !matrixFits(tuning[1], headDim, traits)) return { skip: "the tuning does not fit" };
      const visible = rows * start + (rows * (rows + 1)) / 2;
      const ofScores = scores ? rows * kvHeads * Math.ceil(room / block) : 0;
      return benchOf({
        op: fullAttentionMatrix(shape, traits, tuning?.[1]),
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

export const benches: readonly GpuBenchCase[] = [
  ...[dense, experts, embedded].flatMap((heads) =>
    [
      { rows: 2048, start: 30720 },
      { rows: 4096, start: 28672 },
      { rows: 8192, start: 0 },
    ].flatMap(({ rows, start }) => [false, true].map((scores) => benchOfSize(heads, rows, start, scores))),
  ),
  ...[dense, experts, embedded].flatMap((heads) =>
    Object.entries(matrixTunings).map((tuning) => benchOfSize(heads, 2048, 30720, true, tuning)),
  ),
];
