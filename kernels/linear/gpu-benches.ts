import { benchOf, type GpuBenchCase } from "../gpu-check.ts";
import type { GpuForm } from "../gpu-form.ts";
import { matrix, portable } from "./forms.ts";
import type { LinearRun, LinearShape, LinearTuning } from "./gpu.ts";
import { describeMatrixTuning, matrixTunings as unitsTunings, type MatrixTuning } from "./matrix-tunings.ts";
import { describeMatrix, describeVector, matrixTunings, vectorTunings } from "./tunings.ts";

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

function bench<Tuning>(
  form: GpuForm<LinearShape, LinearRun, Tuning>,
  { name, inputs, outputs, add = false }: Projection,
  rows: number,
  how: string,
  tuning?: Tuning,
): GpuBenchCase {
  return {
    name: `linear ${name} C=${rows} In=${inputs} Out=${outputs}${add ? " + residual" : ""} ${how}`.trim(),
    prepare: (traits) => {
      const shape = { inputs, outputs, add };
      if (!form.fits(shape, traits, tuning)) return { skip: "exceeds the device's workgroups" };
      return benchOf({
        op: form.make(shape, traits, tuning),
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

const ofPortable = (one: Projection, rows: number, tuning?: LinearTuning): GpuBenchCase => {
  const { matrix: tile, vector } = tuning ?? {};
  const how = tile !== undefined ? describeMatrix(tile) : vector === undefined ? "" : describeVector(vector);
  return bench(portable, one, rows, how, tuning);
};
const ofMatrix = (one: Projection, rows: number, tuning?: MatrixTuning): GpuBenchCase =>
  bench(matrix, one, rows, tuning === undefined ? "matrix" : describeMatrixTuning(tuning), tuning);

const square: Projection = { name: "tuning", inputs: 4096, outputs: 4096 };
const wide: Projection = { name: "tuning", inputs: 4096, outputs: 22_016 };
const narrow: Projection = { name: "tuning", inputs: 384, outputs: 384 };
const product: Projection = { ...square, name: "square" };
const head: Projection = { name: "embedded o", inputs: 384, outputs: 384, add: true };
const gateUp: Projection = { name: "embedded gate up", inputs: 384, outputs: 2048 };

const portableBenches = [
  ...projections.flatMap((one) => (one.rows ?? [2048, 1]).map((rows) => ofPortable(one, rows))),
  ofPortable(square, 8),
  ofPortable(square, 64),
  ...Object.values(matrixTunings).map((tile) => ofPortable(square, 2048, { matrix: tile })),
  ...[matrixTunings.medium, matrixTunings.low, matrixTunings.small].map((tile) =>
    ofPortable(narrow, 2048, { matrix: tile }),
  ),
  ...[square, wide].flatMap((one) => Object.values(vectorTunings).map((vector) => ofPortable(one, 1, { vector }))),
];

const { large, largeDirect, medium, mediumDeep, low, lowDeep, small, smallDeep } = unitsTunings;

const matrixBenches = [
  ...projections.filter(({ rows }) => rows === undefined).map((one) => ofMatrix(one, 2048)),
  ofMatrix(product, 4096),
  ...[16, 64, 256].flatMap((rows) => [ofMatrix(product, rows), ofMatrix(head, rows)]),
  ...Object.values(unitsTunings).map((tuning) => ofMatrix(product, 2048, tuning)),
  ...[largeDirect, medium, mediumDeep, low, lowDeep, small, smallDeep].map((tuning) => ofMatrix(head, 2048, tuning)),
  ...[large, largeDirect, medium, mediumDeep].map((tuning) => ofMatrix(gateUp, 2048, tuning)),
  ...[mediumDeep, lowDeep, small, smallDeep].map((tuning) => ofMatrix(product, 64, tuning)),
];

export const benches: readonly GpuBenchCase[] = [...portableBenches, ...matrixBenches];
