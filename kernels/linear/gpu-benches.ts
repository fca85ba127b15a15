import { benchOf, type GpuBenchCase } from "../gpu-check.ts";
import { linearGpu, type LinearTuning } from "./gpu.ts";
import { describeMatrix, describeVector, matrixFits, matrixTunings, vectorTunings } from "./tunings.ts";

interface Projection {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly add?: boolean;
  /** 2048 and 1 where not given. */
  readonly rows?: readonly number[];
}

const projections: readonly Projection[] = [
  { name: "7B qkv", inputs: 4096, outputs: 6144 },
  { name: "7B o", inputs: 4096, outputs: 4096, add: true },
  { name: "7B gate up", inputs: 4096, outputs: 22_016 },
  { name: "7B down", inputs: 11_008, outputs: 4096, add: true },
  { name: "80B qkv", inputs: 2048, outputs: 9216 },
  { name: "80B o", inputs: 8192, outputs: 2048, add: true },
  { name: "80B gate up", inputs: 2048, outputs: 8192 },
  { name: "80B down", inputs: 4096, outputs: 2048, add: true },
  { name: "embedded qkv gates", inputs: 384, outputs: 652 },
  { name: "embedded o", inputs: 384, outputs: 384, add: true },
  { name: "embedded gate up", inputs: 384, outputs: 2048 },
  { name: "embedded down", inputs: 1024, outputs: 384, add: true },
  { name: "embedded head", inputs: 384, outputs: 12_288, rows: [1] },
];

function bench({ name, inputs, outputs, add = false }: Projection, rows: number, tuning?: LinearTuning): GpuBenchCase {
  const matrix = tuning?.matrix;
  const suffix =
    matrix !== undefined ? describeMatrix(matrix) : tuning?.vector === undefined ? "" : describeVector(tuning.vector);
  return {
    name: `linear ${name} C=${rows} In=${inputs} Out=${outputs}${add ? " + residual" : ""} ${suffix}`.trim(),
    prepare: (traits) => {
      if (matrix !== undefined && !matrixFits(matrix, traits)) return { skip: "exceeds the device's workgroups" };
      return benchOf({
        op: linearGpu({ inputs, outputs, add }, traits, tuning),
        run: { rows },
        buffers: {
          x: { values: rows * inputs, format: "f32" },
          weight: { values: outputs * inputs, format: "f16" },
          ...(add ? { residual: { values: rows * outputs, format: "f32" } as const } : {}),
          y: { bytes: rows * outputs * 4 },
        },
        flops: 2 * rows * inputs * outputs,
        bytes: 4 * rows * (inputs + outputs * (add ? 2 : 1)) + 2 * inputs * outputs,
      });
    },
  };
}

const square: Projection = { name: "tuning", inputs: 4096, outputs: 4096 };
const wide: Projection = { name: "tuning", inputs: 4096, outputs: 22_016 };
const narrow: Projection = { name: "tuning", inputs: 384, outputs: 384 };
const { medium, low, small } = matrixTunings;

export const benches: readonly GpuBenchCase[] = [
  ...projections.flatMap((one) => (one.rows ?? [2048, 1]).map((rows) => bench(one, rows))),
  bench(square, 8),
  bench(square, 64),
  ...Object.values(matrixTunings).map((matrix) => bench(square, 2048, { matrix })),
  ...[medium, low, small].map((matrix) => bench(narrow, 2048, { matrix })),
  ...[square, wide].flatMap((one) => Object.values(vectorTunings).map((vector) => bench(one, 1, { vector }))),
];
