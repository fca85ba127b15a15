import { checkOf, type Expected, type GpuCheck } from "../gpu-check.ts";
import type { DeviceTraits } from "../gpu-op.ts";
import { packHalves, roundToHalf } from "../half.ts";
import type { KernelCase } from "../kernel-case.ts";
import type { BlockSparseAttentionInput } from "./block-sparse-attention.ts";
import { blockSparseCase, cases, type Size } from "./cases.ts";
import { inSequence } from "./compose.ts";
import { blockDispatchGpu, planBytes } from "./gpu.ts";
import {
  blockSparseMatrix,
  fitsMatrixSparse,
  matrixComplaint,
  matrixPlanTuning,
  matrixTunings,
  type MatrixSparseTuning,
} from "./matrix.ts";
import { planOnHost } from "./plan.ts";
import { blockSparseAttention } from "./reference.ts";
import type { BlockSparseShape } from "./tuning.ts";

/** q, P and partial results are rounded to 16 bit. */
const TOLERANCE = 2e-3;
/** Rows of other chunks before this one's in `blocks`; they hold what must not be read. */
const ROWS_BEFORE = 2;

const gathered = matrixTunings.find(({ form }) => form === "gathered")!;

/** Ways to cut that benchmarks compare. */
export const timedTunings: readonly MatrixSparseTuning[] = [
  matrixTunings[0]!,
  { form: "rows", rows: 16, tile: 512, paired: false, ahead: false },
  { form: "rows", rows: 16, tile: 256, paired: false, ahead: true },
  { form: "rows", rows: 16, tile: 1024, paired: false, ahead: true },
  matrixTunings[1]!,
  { form: "rows", rows: 32, tile: 512, paired: true, ahead: false },
  { form: "rows", rows: 32, tile: 512, paired: false, ahead: true },
  { form: "rows", rows: 32, tile: 512, paired: false, ahead: false },
  { form: "rows", rows: 32, tile: 256, paired: true, ahead: true },
  { form: "rows", rows: 32, tile: 1024, paired: true, ahead: true },
  { form: "rows", rows: 64, tile: 512, paired: true, ahead: true },
  gathered,
];

/** Those, and what a device may get. */
const checkedTunings = [...new Set([...timedTunings, ...matrixTunings])];

const real: Size = {
  rows: 9,
  start: 150,
  kvHeads: 2,
  group: 4,
  headDim: 128,
  block: 64,
  slots: 3,
  sinks: true,
  spare: 5,
};

/** Real heads and blocks; a query group larger than a tile; blocks of several parts; many tiles. */
const own: readonly Size[] = [
  ...[4, 16].map((group) => ({ ...real, group })),
  { ...real, rows: 40, start: 30, group: 16, slots: 1 },
  { ...real, headDim: 64, group: 3 },
  { ...real, headDim: 80, group: 5 },
  { ...real, headDim: 256, group: 1 },
  { ...real, headDim: 16, group: 130, rows: 3 },
  ...[1, 70].map((group) => ({ ...real, headDim: 32, group })),
  { ...real, headDim: 96, group: 3 },
  ...[16, 32, 48, 65, 128].map((block) => ({ ...real, headDim: 32, block, start: 300, slots: 2 })),
  { ...real, headDim: 16, group: 2, rows: 200, start: 100, block: 4, slots: 7 },
  { ...real, headDim: 32, group: 3, rows: 70, start: 100, block: 128, each: true },
];
const ownCases = own.map(blockSparseCase);

/** Logits of +-1000 have no 16-bit precision left to compare: there they must only stay means of the values. */
function meansOf(values: Float32Array): NonNullable<Expected["judge"]> {
  const most = 1.01 * values.reduce((sum, value) => (Number.isNaN(value) ? sum : Math.max(sum, Math.abs(value))), 0);
  return (actual) => {
    const wrong = actual.findIndex((value) => !(Math.abs(value) <= most));
    return wrong < 0 ? undefined : `element ${wrong} is ${actual[wrong]}, no value is beyond ${most}`;
  };
}

function why(shape: BlockSparseShape, traits: DeviceTraits, tuning?: MatrixSparseTuning): string | undefined {
  if (tuning !== undefined) return matrixComplaint(shape, traits, tuning);
  return fitsMatrixSparse(shape, traits) ? undefined : matrixComplaint(shape, traits, matrixTunings.at(-1)!);
}

interface Way {
  readonly tuning?: MatrixSparseTuning;
  /** Stretches the queries, and with them the logits. */
  readonly stretch?: number;
  /** With the plan made on the device, whose programs take their time to compile; else on the host. */
  readonly planned?: boolean;
  /** Not where matrix units are emulated: too slow there. */
  readonly unitsOnly?: boolean;
}

function outputCheck(
  { name, inputs }: KernelCase<BlockSparseAttentionInput>,
  { tuning, stretch = 1, planned = false, unitsOnly = false }: Way = {},
): GpuCheck {
  const notes = [
    ...(tuning === undefined ? [] : [matrixTuningName(tuning)]),
    ...(stretch === 1 ? [] : [`queries x ${stretch}`]),
    ...(planned ? ["planned here"] : []),
  ];
  return {
    name: [`matrix ${name}`, ...notes].join(" "),
    prepare: (seed, traits) => {
      if (traits.matrix === "none") return { skip: "the device has no matrix units" };
      if (unitsOnly && traits.matrix !== "units") return { skip: "for matrix units only" };
      const drawn = inputs(seed);
      const { queryHeads, kvHeads, headDim, block, slots, start, lists = kvHeads } = drawn;
      const shape = { queryHeads, kvHeads, lists, headDim, block, slots };
      const skip = why(shape, traits, tuning);
      if (skip !== undefined) return { skip };
      const input = {
        ...drawn,
        queries: Float32Array.from(drawn.queries, (value) => value * stretch),
        keys: roundToHalf(drawn.keys),
        values: roundToHalf(drawn.values),
      };
      const rows = input.queries.length / (queryHeads * headDim);
      const run = { rows, start, firstRow: ROWS_BEFORE, room: input.keys.length / (kvHeads * headDim) };
      const blocks = new Int32Array((ROWS_BEFORE + rows) * lists * slots).fill(0x7fff_ffff);
      blocks.set(input.blocks, ROWS_BEFORE * lists * slots);
      const plan = matrixPlanTuning(shape, traits, tuning);
      const values = blockSparseAttention(input);
      const sparse = blockSparseMatrix(shape, traits, tuning);
      const sizes = (): Readonly<Record<string, number>> => ({ ...planBytes(shape, run, traits, plan) });
      return checkOf({
        op: planned ? inSequence([blockDispatchGpu(shape, traits, plan), sparse], sizes) : sparse,
        run,
        buffers: {
          q: input.queries,
          k: packHalves(input.keys),
          v: packHalves(input.values),
          blocks,
          sinks: Float32Array.from(input.sinks),
          out: { bytes: values.length * 4 },
          ...(planned ? {} : planOnHost(blocks, shape, run, traits, plan)),
        },
        expected: {
          out: {
            format: "f32",
            values,
            tolerance: TOLERANCE,
            per: queryHeads * headDim,
            ...(stretch === 1 ? {} : { judge: meansOf(input.values) }),
          },
        },
      });
    },
  };
}

export function matrixTuningName(tuning: MatrixSparseTuning): string {
  if (tuning.form === "gathered") {
    const { rows, rowTiles, columnTiles, keys, earlyValues } = tuning;
    return `matrix gathered rows=${rows}/${rowTiles} columns=${columnTiles} keys=${keys} values=${earlyValues ? "early" : "late"}`;
  }
  const { rows, tile, paired, ahead } = tuning;
  return `matrix rows=${rows} of ${tile} ${paired ? "paired" : "single"} ${ahead ? "ahead" : "late"}`;
}

const [wide, sixteenHeads, narrow, many] = [ownCases[0]!, ownCases[1]!, ownCases[3]!, ownCases.at(-1)!];
/** Lists of several tiles, tiles of several steps. */
const small: readonly MatrixSparseTuning[] = [
  { form: "rows", rows: 16, tile: 48, paired: false, ahead: false },
  { form: "rows", rows: 32, tile: 64, paired: true, ahead: true },
  { form: "rows", rows: 64, tile: 128, paired: true, ahead: true },
];

export const checks: readonly GpuCheck[] = [
  ...cases.filter((_, i) => i % 8 === 0).map((one) => outputCheck(one)),
  ...ownCases.map((one) => outputCheck(one)),
  ...[sixteenHeads, narrow, many].map((one) => outputCheck(one, { planned: true })),
  ...small.map((tuning) => outputCheck(many, { tuning, planned: true })),
  ...[sixteenHeads, narrow].map((one) => outputCheck(one, { stretch: 300 })),
  ...checkedTunings.flatMap((tuning) => [
    outputCheck(narrow, { tuning }),
    ...[wide, sixteenHeads].map((one) => outputCheck(one, { tuning, unitsOnly: true })),
  ]),
];
