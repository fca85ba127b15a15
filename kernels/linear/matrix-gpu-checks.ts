import { checkOf, type GpuCheck } from "../gpu-check.ts";
import { packHalves, roundToHalf } from "../half.ts";
import { Random } from "../random.ts";
import { cases } from "./cases.ts";
import type { LinearInput } from "./linear.ts";
import { fitsMatrixLinear, linearMatrix, matrixRows, worthMatrix } from "./matrix.ts";
import { describeMatrixTuning, matrixTileFits, matrixTunings, type MatrixTuning } from "./matrix-tunings.ts";
import { linear } from "./reference.ts";

/** Of each row of y: x is rounded to 11 bits, the sums are f32. */
const TOLERANCE = 1e-3;
/** Values that are judged together at least: a row of one or two may be next to nothing beside what it sums up. */
const JUDGED = 16;

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

function check(name: string, inputs: (seed: number) => LinearInput, add: boolean, tuning?: MatrixTuning): GpuCheck {
  return {
    name: `${name}${add ? " + residual" : ""} ${tuning === undefined ? "matrix" : describeMatrixTuning(tuning)}`,
    prepare: (seed, traits) => {
      if (traits.matrix === "none") return { skip: "no matrix units" };
      const { x, weight, inputs: columns } = inputs(seed);
      if (columns % 4 !== 0) return { skip: `K = ${columns} is no multiple of 4` };
      const rows = x.length / columns;
      const outputs = weight.length / columns;
      const shape = { inputs: columns, outputs, add };
      if (tuning === undefined ? !fitsMatrixLinear(shape, traits) : !matrixTileFits(tuning.tile, traits)) {
        return { skip: "the tile exceeds the device's workgroups" };
      }
      if (traits.matrix === "units" && !worthMatrix(shape, Math.max(rows, matrixRows))) {
        return { skip: "the result is smaller than the tile that units load" };
      }
      const residual = new Random(seed + 1).normals(rows * outputs);
      const product = linear({ x, weight: roundToHalf(weight), inputs: columns });
      const values = add ? product.map((value, i) => value + residual[i]!) : product;
      return checkOf({
        op: linearMatrix(shape, traits, tuning),
        run: { rows },
        buffers: {
          x: Float32Array.from(x),
          weight: packHalves(weight),
          ...(add ? { residual } : {}),
          y: { bytes: values.length * 4 },
        },
        expected: { y: { format: "f32", values, tolerance: TOLERANCE, per: outputs * Math.ceil(JUDGED / outputs) } },
      });
    },
  };
}

const label = ({ rows, inputs, outputs }: Size): string => `linear C=${rows} In=${inputs} Out=${outputs}`;

const { large, largeWide, largeDirect, smallDeep, ...others } = matrixTunings;

const checkOne = (size: Size, add: boolean, tuning: MatrixTuning): GpuCheck =>
  check(label(size), inputsOf(size), add, tuning);

/** A tile inside y beside ragged ones: with the residual as first sums, and ragged columns in eights. */
const beside = (tuning: MatrixTuning): GpuCheck => {
  const { rows, outputs, slice } = tuning.tile;
  return checkOne({ rows: rows + 1, outputs: outputs + 4, inputs: slice + 8 }, true, tuning);
};
/** Outputs not in fours, ragged columns in fours. */
const uneven = (tuning: MatrixTuning): GpuCheck => {
  const { rows, outputs, slice } = tuning.tile;
  return checkOne({ rows: rows - 1, outputs: outputs + 1, inputs: slice + 4 }, true, tuning);
};
/** Nothing ragged. */
const whole = (tuning: MatrixTuning): GpuCheck => {
  const { rows, outputs, slice } = tuning.tile;
  return checkOne({ rows: 2 * rows, outputs, inputs: 3 * slice }, false, tuning);
};
/** More rows than a band of tiles, so that the next band begins and the last one is not whole. */
const banded = (tuning: MatrixTuning): GpuCheck => {
  const { rows, outputs, band } = tuning.tile;
  return checkOne({ rows: (band + 1) * rows + 5, outputs: outputs + 8, inputs: 16 }, false, tuning);
};

/** Few shapes, since each is compiled, which takes seconds where the matrices are emulated. */
const tileChecks = [
  ...[beside, whole].map((shape) => shape(large)),
  uneven(largeDirect),
  banded(largeWide),
  ...[smallDeep, ...Object.values(others)].flatMap((tuning) => [beside, uneven, whole].map((shape) => shape(tuning))),
  banded(smallDeep),
];

/** The defaults at shapes of models: the embedded model's projections at a short document's rows and at more. */
const modelSizes: readonly Size[] = [
  { rows: 16, outputs: 652, inputs: 384 },
  { rows: 50, outputs: 384, inputs: 1024 },
  { rows: 270, outputs: 652, inputs: 384 },
  { rows: 70, outputs: 2052, inputs: 128 },
];

export const checks: readonly GpuCheck[] = [
  ...cases.map(({ name, inputs }, i) => check(name, inputs, i % 2 === 0)),
  ...tileChecks,
  ...modelSizes.map((size, i) => check(label(size), inputsOf(size), i % 2 === 0)),
];
