import { benchOf, type GpuBenchCase } from "../gpu-check.ts";
import { fitsMatrixLinear, linearMatrix } from "./matrix.ts";
import { describeMatrixTuning, matrixTileFits, matrixTunings, type MatrixTuning } from "./matrix-tunings.ts";

interface Projection {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly add?: boolean;
}

const square: Projection = { name: "square", inputs: 4096, outputs: 4096 };
const head: Projection = { name: "embedded o", inputs: 384, outputs: 384, add: true };
const gateUp: Projection = { name: "embedded gate up", inputs: 384, outputs: 2048 };

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
  head,
  gateUp,
  { name: "embedded down", inputs: 1024, outputs: 384, add: true },
];

function bench({ name, inputs, outputs, add = false }: Projection, rows: number, tuning?: MatrixTuning): GpuBenchCase {
  const how = tuning === undefined ? "matrix" : describeMatrixTuning(tuning);
  return {
    name: `linear ${name} C=${rows} In=${inputs} Out=${outputs}${add ? " + residual" : ""} ${how}`,
    prepare: (traits) => {
      const shape = { inputs, outputs, add };
      if (traits.matrix === "none") return { skip: "no matrix units" };
      if (tuning === undefined ? !fitsMatrixLinear(shape, traits) : !matrixTileFits(tuning.tile, traits)) {
        return { skip: "exceeds the device's workgroups" };
      }
      return benchOf({
        op: linearMatrix(shape, traits, tuning),
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

const { large, largeDirect, medium, mediumDeep, low, lowDeep, small, smallDeep } = matrixTunings;

export const benches: readonly GpuBenchCase[] = [
  ...projections.map((one) => bench(one, 2048)),
  bench(square, 4096),
  ...[16, 64, 256].flatMap((rows) => [bench(square, rows), bench(head, rows)]),
  ...Object.values(matrixTunings).map((tuning) => bench(square, 2048, tuning)),
  ...[largeDirect, medium, mediumDeep, low, lowDeep, small, smallDeep].map((tuning) => bench(head, 2048, tuning)),
  ...[large, largeDirect, medium, mediumDeep].map((tuning) => bench(gateUp, 2048, tuning)),
  ...[mediumDeep, lowDeep, small, smallDeep].map((tuning) => bench(square, 64, tuning)),
];
