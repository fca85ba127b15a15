import { checkOf, type GpuCheck } from "../gpu-check.ts";
import type { DeviceTraits } from "../gpu-op.ts";
import { packHalves, roundToHalf } from "../half.ts";
import { Random } from "../random.ts";
import { cases } from "./cases.ts";
import { linearGpu, type LinearTuning } from "./gpu.ts";
import type { LinearInput } from "./linear.ts";
import { linear } from "./reference.ts";
import { describeMatrix, describeVector, matrixFits, matrixTunings, vectorTunings } from "./tunings.ts";

interface Size {
  readonly rows: number;
  readonly inputs: number;
  readonly outputs: number;
}

function inputsOf({ rows, inputs, outputs }: Size): (seed: number) => LinearInput {
  return (seed) => {
    const random = new Random(seed);
    return { x: random.normals(rows * inputs), weight: random.normals(outputs * inputs, inputs ** -0.5), inputs };
  };
}

/** The f16 products round x and 16-term sums to 11 bits. */
function toleranceOf({ arithmetic }: DeviceTraits, rows: number, vectorRows: number): number {
  return arithmetic === "f16" && rows > vectorRows ? 5e-3 : 2e-6;
}

/** Follows x and the weights: ragged columns of the last row must not reach it. */
const BEYOND = new Array<number>(64).fill(NaN);

/** Values per comparison: a single product of small sum has no relative error worth bounding. */
const FEWEST = 32;

function check(name: string, inputs: (seed: number) => LinearInput, add: boolean, tuning: LinearTuning = {}): GpuCheck {
  return {
    name: add ? `${name} + residual` : name,
    prepare: (seed, traits) => {
      const { x, weight, inputs: columns } = inputs(seed);
      if (columns % 4 !== 0) return { skip: `K = ${columns} is no multiple of 4` };
      if (tuning.matrix !== undefined && !matrixFits(tuning.matrix, traits)) {
        return { skip: "the tile exceeds the device's workgroups" };
      }
      const rows = x.length / columns;
      const outputs = weight.length / columns;
      const residual = new Random(seed + 1).normals(rows * outputs);
      const product = linear({ x, weight: roundToHalf(weight), inputs: columns });
      const values = add ? product.map((value, i) => value + residual[i]!) : product;
      return checkOf({
        op: linearGpu({ inputs: columns, outputs, add }, traits, tuning),
        run: { rows },
        buffers: {
          x: Float32Array.from([...x, ...BEYOND]),
          weight: packHalves([...weight, ...BEYOND]),
          ...(add ? { residual } : {}),
          y: { bytes: values.length * 4 },
        },
        expected: {
          y: {
            format: "f32",
            values,
            tolerance: toleranceOf(traits, rows, tuning.vectorRows ?? 8),
            per: outputs * Math.ceil(FEWEST / outputs),
          },
        },
      });
    },
  };
}

const label = ({ rows, inputs, outputs }: Size): string => `linear C=${rows} In=${inputs} Out=${outputs}`;

/**
 * Rows around a tile's edge with ragged columns in fours and one output too many; then whole columns and outputs, and
 * ragged columns in eights. Few shapes, since each is compiled.
 */
const tileChecks = Object.values(matrixTunings).flatMap((matrix) => {
  const { rows, outputs } = matrix;
  const checkOne = (size: Size, add: boolean): GpuCheck =>
    check(`${label(size)} ${describeMatrix(matrix)}`, inputsOf(size), add, { matrix, vectorRows: 0 });
  return [
    ...[1, rows - 1, 2 * rows + 1].map((count) => checkOne({ rows: count, outputs: outputs + 1, inputs: 68 }, true)),
    ...(matrix === matrixTunings.large || rows * outputs <= 64 * 64
      ? [checkOne({ rows, outputs, inputs: 64 }, false)]
      : []),
    ...(rows * outputs <= 64 * 64 ? [checkOne({ rows: rows + 5, outputs: 61, inputs: 40 }, false)] : []),
  ];
});

/** Rows up to 8; outputs around a workgroup's; columns in whole eights and not, below and above a team's round. */
const teamSizes: readonly Size[] = [
  { rows: 1, outputs: 257, inputs: 512 },
  { rows: 1, outputs: 61, inputs: 1028 },
  { rows: 2, outputs: 5, inputs: 4 },
  { rows: 3, outputs: 8, inputs: 1380 },
  { rows: 5, outputs: 17, inputs: 776 },
  { rows: 7, outputs: 17, inputs: 776 },
  { rows: 8, outputs: 17, inputs: 776 },
];

const teamChecks = Object.values(vectorTunings).flatMap((vector) =>
  teamSizes.map((size, i) =>
    check(`${label(size)} ${describeVector(vector)}`, inputsOf(size), i % 2 === 0 || size.inputs === 776, { vector }),
  ),
);

/** The defaults at shapes of models: the embedded model's projections and vocabulary, and more than one band of tiles. */
const modelSizes: readonly Size[] = [
  { rows: 9, outputs: 652, inputs: 384 },
  { rows: 70, outputs: 384, inputs: 1024 },
  { rows: 1100, outputs: 33, inputs: 36 },
  { rows: 1, outputs: 3072, inputs: 384 },
];

/** A device that takes few workgroups per dimension: the second one is used. */
const spread: GpuCheck = {
  name: "linear C=1 In=36 Out=999 at most 49 workgroups per dimension",
  prepare: (seed, traits) =>
    check("spread", inputsOf({ rows: 1, inputs: 36, outputs: 999 }), false).prepare(seed, {
      ...traits,
      maxWorkgroups: 49,
    }),
};

export const checks: readonly GpuCheck[] = [
  ...cases.map(({ name, inputs }, i) => check(name, inputs, i % 2 === 0)),
  ...tileChecks,
  ...teamChecks,
  ...modelSizes.map((size, i) => check(label(size), inputsOf(size), i % 2 === 0)),
  spread,
];
