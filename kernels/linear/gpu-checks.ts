import { checkOf, type GpuCheck } from "../gpu-check.ts";
import type { GpuForm } from "../gpu-form.ts";
import type { DeviceTraits } from "../gpu-op.ts";
import { packHalves, roundToHalf } from "../half.ts";
import { Random } from "../random.ts";
import { cases } from "./cases.ts";
import { matrix, portable } from "./forms.ts";
import type { LinearRun, LinearShape, LinearTuning } from "./gpu.ts";
import type { LinearInput } from "./linear.ts";
import { matrixRows, worthMatrix } from "./matrix.ts";
import { describeMatrixTuning, matrixTunings as unitsTunings, type MatrixTuning } from "./matrix-tunings.ts";
import { linear } from "./reference.ts";
import { describeMatrix, describeVector, matrixTunings, vectorTunings } from "./tunings.ts";

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

/** What a form is held to. */
interface Held<Tuning> {
  readonly form: GpuForm<LinearShape, LinearRun, Tuning>;
  readonly tolerance: (traits: DeviceTraits, rows: number, tuning?: Tuning) => number;
  /** Values that are judged together at least: a row of one or two may be next to nothing beside what it sums up. */
  readonly judged: number;
  /** Of NaN, behind x and the weights: ragged columns of the last row must not reach it. */
  readonly beyond: number;
  readonly name: (name: string, tuning?: Tuning) => string;
}

const ofPortable: Held<LinearTuning> = {
  form: portable,
  /** The f16 products round x and 16-term sums to 11 bits. */
  tolerance: ({ arithmetic }, rows, tuning) => (arithmetic === "f16" && rows > (tuning?.vectorRows ?? 8) ? 5e-3 : 2e-6),
  judged: 32,
  beyond: 64,
  name: (name) => name,
};

const ofMatrix: Held<MatrixTuning> = {
  form: matrix,
  /** x is rounded to 11 bits, the sums are f32. */
  tolerance: () => 1e-3,
  judged: 16,
  beyond: 0,
  name: (name, tuning) => `${name} ${tuning === undefined ? "matrix" : describeMatrixTuning(tuning)}`,
};

function check<Tuning>(
  { form, tolerance, judged, beyond, name: nameOf }: Held<Tuning>,
  name: string,
  inputs: (seed: number) => LinearInput,
  add: boolean,
  tuning?: Tuning,
): GpuCheck {
  return {
    name: nameOf(add ? `${name} + residual` : name, tuning),
    form: form.id,
    prepare: (seed, traits) => {
      const { x, weight, inputs: columns } = inputs(seed);
      const rows = x.length / columns;
      const outputs = weight.length / columns;
      const shape = { inputs: columns, outputs, add };
      if (!form.fits(shape, traits, tuning)) return { skip: `K = ${columns} or the tile does not fit the device` };
      if (form.id === "matrix" && traits.matrix === "units" && !worthMatrix(shape, Math.max(rows, matrixRows))) {
        return { skip: "the result is smaller than the tile that units load" };
      }
      const residual = new Random(seed + 1).normals(rows * outputs);
      const product = linear({ x, weight: roundToHalf(weight), inputs: columns });
      const values = add ? product.map((value, i) => value + residual[i]!) : product;
      const behind = new Array<number>(beyond).fill(NaN);
      return checkOf({
        op: form.make(shape, traits, tuning),
        run: { rows },
        buffers: {
          x: Float32Array.from([...x, ...behind]),
          weight: packHalves([...weight, ...behind]),
          ...(add ? { residual } : {}),
          y: { bytes: values.length * 4 },
        },
        expected: {
          y: {
            format: "f32",
            values,
            tolerance: tolerance(traits, rows, tuning),
            per: outputs * Math.ceil(judged / outputs),
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
const tileChecks = Object.values(matrixTunings).flatMap((tile) => {
  const { rows, outputs } = tile;
  const checkOne = (size: Size, add: boolean): GpuCheck =>
    check(ofPortable, `${label(size)} ${describeMatrix(tile)}`, inputsOf(size), add, { matrix: tile, vectorRows: 0 });
  return [
    ...[1, rows - 1, 2 * rows + 1].map((count) => checkOne({ rows: count, outputs: outputs + 1, inputs: 68 }, true)),
    ...(tile === matrixTunings.large || rows * outputs <= 64 * 64
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
    check(ofPortable, `${label(size)} ${describeVector(vector)}`, inputsOf(size), i % 2 === 0 || size.inputs === 776, {
      vector,
    }),
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
    check(ofPortable, "spread", inputsOf({ rows: 1, inputs: 36, outputs: 999 }), false).prepare(seed, {
      ...traits,
      maxWorkgroups: 49,
    }),
};

const { large, largeWide, largeDirect, smallDeep, ...others } = unitsTunings;

const unitsCheck = (size: Size, add: boolean, tuning: MatrixTuning): GpuCheck =>
  check(ofMatrix, label(size), inputsOf(size), add, tuning);

/** A tile inside y beside ragged ones: with the residual as first sums, and ragged columns in eights. */
const beside = (tuning: MatrixTuning): GpuCheck => {
  const { rows, outputs, slice } = tuning.tile;
  return unitsCheck({ rows: rows + 1, outputs: outputs + 4, inputs: slice + 8 }, true, tuning);
};
/** Outputs not in fours, ragged columns in fours. */
const uneven = (tuning: MatrixTuning): GpuCheck => {
  const { rows, outputs, slice } = tuning.tile;
  return unitsCheck({ rows: rows - 1, outputs: outputs + 1, inputs: slice + 4 }, true, tuning);
};
/** Nothing ragged. */
const whole = (tuning: MatrixTuning): GpuCheck => {
  const { rows, outputs, slice } = tuning.tile;
  return unitsCheck({ rows: 2 * rows, outputs, inputs: 3 * slice }, false, tuning);
};
/** More rows than a band of tiles, so that the next band begins and the last one is not whole. */
const banded = (tuning: MatrixTuning): GpuCheck => {
  const { rows, outputs, band } = tuning.tile;
  return unitsCheck({ rows: (band + 1) * rows + 5, outputs: outputs + 8, inputs: 16 }, false, tuning);
};

/** Few shapes, since each is compiled, which takes seconds where the matrices are emulated. */
const unitsTileChecks = [
  ...[beside, whole].map((shape) => shape(large)),
  uneven(largeDirect),
  banded(largeWide),
  ...[smallDeep, ...Object.values(others)].flatMap((tuning) => [beside, uneven, whole].map((shape) => shape(tuning))),
  banded(smallDeep),
];

/** The defaults at shapes of models: the embedded model's projections at a short document's rows and at more. */
const unitsModelSizes: readonly Size[] = [
  { rows: 16, outputs: 652, inputs: 384 },
  { rows: 50, outputs: 384, inputs: 1024 },
  { rows: 270, outputs: 652, inputs: 384 },
  { rows: 70, outputs: 2052, inputs: 128 },
];

const ofSizes = <Tuning>(held: Held<Tuning>, models: readonly Size[]): GpuCheck[] => [
  ...cases.map(({ name, inputs }, i) => check(held, name, inputs, i % 2 === 0)),
  ...models.map((size, i) => check(held, label(size), inputsOf(size), i % 2 === 0)),
];

export const checks: readonly GpuCheck[] = [
  ...ofSizes(ofPortable, modelSizes),
  ...tileChecks,
  ...teamChecks,
  spread,
  ...ofSizes(ofMatrix, unitsModelSizes),
  ...unitsTileChecks,
];
