import { checkOf, type Expected, type GpuCheck } from "../gpu-check.ts";
import type { DeviceTraits } from "../gpu-op.ts";
import { packHalves, roundToHalf } from "../half.ts";
import { aroundEdge, type KernelCase } from "../kernel-case.ts";
import type { BlockSparseAttentionInput } from "./block-sparse-attention.ts";
import { blockSparseCase, cases, type Size } from "./cases.ts";
import { inSequence } from "./compose.ts";
import { matrix, portable, type BlockSparseForm } from "./forms.ts";
import { blockDispatchGpu, planBytes, type BlockSparseCall } from "./gpu.ts";
import { matrixTuningName, matrixTunings, timedTunings, type MatrixSparseTuning } from "./matrix.ts";
import { planOnHost } from "./plan.ts";
import { blockSparseAttention } from "./reference.ts";
import {
  listsOf,
  tileComplaint,
  tileForm,
  tuningName,
  tunings,
  type BlockSparseShape,
  type BlockSparseTuning,
} from "./tuning.ts";

/** Rows of other chunks before this one's in `blocks`; they hold what must not be read. */
const ROWS_BEFORE = 2;

/** Every tile shape of the portable form that a device may get, and some that only benchmarks use. */
const allTunings: readonly BlockSparseTuning[] = [
  ...tunings.f16,
  ...tunings.f32,
  { rows: 256, keys: 64, depth: 32, chunk: 16, partials: "f16" },
  { rows: 128, keys: 64, depth: 32, chunk: 16, partials: "f32" },
];

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

/** Real heads and blocks, in the device's own tiles. */
const realCases = [{ ...real, headDim: 64, group: 3 }, real, { ...real, group: 16 }].map(blockSparseCase);

/** Small tiles, where edges are near and compiling is quick. */
const small: BlockSparseTuning = { rows: 32, keys: 32, depth: 16, chunk: 8, partials: "f32" };

/** Groups that divide no tile or outgrow it; blocks of several parts; full tiles, and one pair more; long lists. */
const edgeCases = [
  { ...real, headDim: 20, group: 5 },
  { ...real, headDim: 132, group: 1 },
  { ...real, headDim: 16, group: 70, rows: 3 },
  ...[31, 65, 200].map((block) => ({ ...real, headDim: 32, block, start: 300, slots: 2 })),
  ...aroundEdge(32).map((rows) => ({ ...real, headDim: 16, start: 0, rows })),
  { ...real, headDim: 8, group: 2, rows: 300, start: 100, block: 4, slots: 7 },
  { ...real, headDim: 16, group: 3, rows: 70, start: 100, block: 40, each: true },
].map(blockSparseCase);
const severalParts = blockSparseCase({ ...real, headDim: 32, group: 5, block: 128, start: 300, slots: 2 });
/** The shared sizes that differ in more than a length. */
const sharedCases = cases.filter(({ name }) => !/G=[48]|d=64|d=128|B=64|k\/B=[45]/.test(name));

/** Real heads and blocks; a query group larger than a tile; blocks of several parts; many tiles. */
const matrixSizes: readonly Size[] = [
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
const matrixCases = matrixSizes.map(blockSparseCase);

interface Prepared {
  readonly input: BlockSparseAttentionInput;
  readonly shape: BlockSparseShape;
  readonly run: BlockSparseCall;
  /** With rows of an earlier chunk in front. */
  readonly blocks: Int32Array;
}

/** Inputs as the device holds them: the cache in 16 bit. `scale` stretches the queries, and with them the logits. */
function prepared({ inputs }: KernelCase<BlockSparseAttentionInput>, seed: number, scale = 1): Prepared {
  const drawn = inputs(seed);
  const { queryHeads, kvHeads, headDim, block, slots, start, lists = kvHeads } = drawn;
  const rows = drawn.queries.length / (queryHeads * headDim);
  const blocks = new Int32Array((ROWS_BEFORE + rows) * lists * slots).fill(0x7fff_ffff);
  blocks.set(drawn.blocks, ROWS_BEFORE * lists * slots);
  return {
    input: {
      ...drawn,
      queries: Float32Array.from(drawn.queries, (value) => value * scale),
      keys: roundToHalf(drawn.keys),
      values: roundToHalf(drawn.values),
    },
    shape: { queryHeads, kvHeads, lists, headDim, block, slots },
    run: { rows, start, firstRow: ROWS_BEFORE, room: drawn.keys.length / (kvHeads * headDim) },
    blocks,
  };
}

/** What a form is held to. */
interface Held<Tuning> {
  readonly form: BlockSparseForm<Tuning>;
  readonly title: string;
  /** Where plans are made unless a check says so: on a device their programs take their time to compile. */
  readonly planner: "host" | "device";
  readonly nameOf: (tuning: Tuning) => string;
  readonly tolerance: (traits: DeviceTraits, partials: "f16" | "f32") => number;
  /** The same where logits are +-1000; undefined where they have no precision left to compare. */
  readonly toleranceOfLarge: (traits: DeviceTraits) => number | undefined;
}

const ofPortable: Held<BlockSparseTuning> = {
  form: portable,
  title: "",
  planner: "device",
  nameOf: tuningName,
  /** f32 sums in another order; 16-bit products and probabilities; 16-bit partial results. */
  tolerance: ({ arithmetic }, partials) => (arithmetic === "f16" ? 5e-3 : partials === "f16" ? 5e-4 : 1e-5),
  toleranceOfLarge: ({ arithmetic }) => (arithmetic === "f16" ? undefined : 2e-4),
};

const ofMatrix: Held<MatrixSparseTuning> = {
  form: matrix,
  title: "matrix ",
  planner: "host",
  nameOf: matrixTuningName,
  /** q, P and partial results are rounded to 16 bit. */
  tolerance: () => 2e-3,
  toleranceOfLarge: () => undefined,
};

interface Way<Tuning> {
  readonly tuning?: Tuning;
  readonly planner?: "host" | "device";
  /** Stretches the queries, and with them the logits. */
  readonly stretch?: number;
  /** Not where matrix units are emulated: too slow there. */
  readonly unitsOnly?: boolean;
}

function outputCheck<Tuning>(
  held: Held<Tuning>,
  one: KernelCase<BlockSparseAttentionInput>,
  { tuning, planner, stretch, unitsOnly = false }: Way<Tuning> = {},
): GpuCheck {
  const { form } = held;
  const onHost = (planner ?? held.planner) === "host";
  const notes = [
    ...(tuning === undefined ? [] : [held.nameOf(tuning)]),
    ...(stretch === undefined ? [] : [`queries x ${stretch}`]),
    ...(planner === undefined ? [] : [`${planner} plan`]),
  ];
  return {
    name: [`${held.title}${one.name}`, ...notes].join(" "),
    form: form.id,
    prepare: (seed, traits) => {
      if (unitsOnly && traits.matrix !== "units") return { skip: "for matrix units only" };
      const { input, shape, run, blocks } = prepared(one, seed, stretch);
      if (!form.fits(shape, traits, tuning)) return { skip: "the shape or the tuning does not fit this device" };
      const planTuning = form.planTuning(shape, traits, tuning);
      const values = blockSparseAttention(input);
      const sparse = form.make(shape, traits, tuning);
      const planned = inSequence<BlockSparseCall>([blockDispatchGpu(shape, traits, planTuning), sparse], () => ({
        ...planBytes(shape, run, traits, planTuning),
      }));
      const { partials } = tileForm(shape, traits, planTuning);
      const close = {
        ...{ format: "f32" as const, values, per: input.queryHeads * input.headDim },
        tolerance: held.tolerance(traits, partials),
      };
      return checkOf({
        op: onHost ? sparse : planned,
        run,
        buffers: {
          q: Float32Array.from(input.queries),
          k: packHalves(input.keys),
          v: packHalves(input.values),
          blocks,
          sinks: Float32Array.from(input.sinks),
          out: { bytes: values.length * 4 },
          ...(onHost ? planOnHost(blocks, shape, run, traits, planTuning) : {}),
        },
        expected: { out: stretch === undefined ? close : ofLarge(close, input, held.toleranceOfLarge(traits)) },
      });
    },
  };
}

/** Logits of +-1000 may have no 16-bit precision left to compare: there they must only stay means of the values. */
function ofLarge(close: Expected, input: BlockSparseAttentionInput, tolerance: number | undefined): Expected {
  if (tolerance !== undefined) return { ...close, tolerance };
  let most = 0;
  for (const value of input.values) if (!Number.isNaN(value)) most = Math.max(most, 1.01 * Math.abs(value));
  return {
    ...close,
    judge: (actual) => {
      const wrong = actual.findIndex((value) => !(Math.abs(value) <= most));
      return wrong < 0 ? undefined : `element ${wrong} is ${actual[wrong]}, no value is beyond ${most}`;
    },
  };
}

/** Every pair once and in the right list; every list wholly cut into tiles of at most Q. */
function planCheck(one: KernelCase<BlockSparseAttentionInput>): GpuCheck {
  return {
    name: `${one.name} plan`,
    prepare: (seed, traits) => {
      const { shape, run, blocks } = prepared(one, seed);
      const skip = tileComplaint(shape, traits);
      if (skip !== undefined) return { skip };
      const { queries, shares } = tileForm(shape, traits);
      const sizes = planBytes(shape, run, traits);
      const wanted = planOnHost(blocks, shape, run, traits);
      let workgroups = 0;
      let pairs = new Float64Array();
      const u32 = { format: "u32" as const, tolerance: 0, per: 1 };
      return checkOf({
        op: blockDispatchGpu(shape, traits),
        run,
        buffers: {
          blocks,
          planArgs: { bytes: sizes.planArgs },
          planPairs: { bytes: sizes.planPairs },
          planTiles: { bytes: sizes.planTiles },
        },
        expected: {
          planArgs: {
            ...u32,
            values: wanted.planArgs,
            judge: (args) => {
              workgroups = args[3]!;
              return args.every((value, i) => value === wanted.planArgs[i])
                ? undefined
                : `${args.join()} instead of ${wanted.planArgs.join()}`;
            },
          },
          planPairs: { ...u32, values: wanted.planPairs, judge: (actual) => void (pairs = Float64Array.from(actual)) },
          planTiles: {
            ...u32,
            values: wanted.planTiles,
            judge: (tiles) => tilesComplaint(tiles, pairs, workgroups / shares, queries, shape, run, blocks),
          },
        },
      });
    },
  };
}

function tilesComplaint(
  tiles: Float64Array,
  pairs: Float64Array,
  count: number,
  queries: number,
  shape: BlockSparseShape,
  { rows, firstRow }: BlockSparseCall,
  blocks: Int32Array,
): string | undefined {
  const { slots } = shape;
  const lists = listsOf(shape);
  const seen = new Set<number>();
  for (let tile = 0; tile < count; tile++) {
    const [head, block, first, held] = tiles.subarray(4 * tile, 4 * tile + 4) as unknown as number[];
    if (!(held! >= 1 && held! <= queries)) return `tile ${tile} has ${held} pairs, may have 1 to ${queries}`;
    for (let place = first!; place < first! + held!; place++) {
      const row = Math.floor(pairs[place]! / slots);
      const slot = pairs[place]! % slots;
      const at = (row * lists + head!) * slots + slot;
      if (blocks[firstRow * lists * slots + at] !== block)
        return `tile ${tile} of head ${head}, block ${block} holds row ${row}, slot ${slot}, which chose another`;
      if (seen.has(at)) return `row ${row}, head ${head}, slot ${slot} is twice in the tiles`;
      seen.add(at);
    }
  }
  const used = blocks.subarray(firstRow * lists * slots, (firstRow + rows) * lists * slots);
  const wanted = used.reduce((sum, block) => sum + (block < 0 ? 0 : 1), 0);
  return seen.size === wanted ? undefined : `${seen.size} pairs are in tiles, ${wanted} were chosen`;
}

const [wide, sixteenHeads, narrow, many] = [matrixCases[0]!, matrixCases[1]!, matrixCases[3]!, matrixCases.at(-1)!];
/** Lists of several tiles, tiles of several steps. */
const matrixSmall: readonly MatrixSparseTuning[] = [
  { form: "rows", rows: 16, tile: 48, paired: false, ahead: false },
  { form: "rows", rows: 32, tile: 64, paired: true, ahead: true },
  { form: "rows", rows: 64, tile: 128, paired: true, ahead: true },
];

/** Those that are timed, and what a device may get. */
const matrixChecked = [...new Set([...timedTunings, ...matrixTunings])];

const portableChecks = [
  ...[...realCases, ...edgeCases, severalParts, ...cases.slice(0, 6)].map(planCheck),
  ...[...sharedCases, ...realCases].map((one) => outputCheck(ofPortable, one)),
  ...edgeCases.map((one) => outputCheck(ofPortable, one, { tuning: small })),
  outputCheck(ofPortable, realCases[1]!, { planner: "host" }),
  outputCheck(ofPortable, edgeCases.at(-2)!, { planner: "host", tuning: small }),
  ...realCases.map((one) => outputCheck(ofPortable, one, { stretch: 300 })),
  ...allTunings.map((tuning) => outputCheck(ofPortable, severalParts, { tuning })),
  ...allTunings
    .filter(({ partials }) => partials === "f16")
    .map((tuning) => outputCheck(ofPortable, realCases[1]!, { tuning })),
];

const planned = { planner: "device" } as const;

const matrixChecks = [
  ...cases.filter((_, i) => i % 8 === 0).map((one) => outputCheck(ofMatrix, one)),
  ...matrixCases.map((one) => outputCheck(ofMatrix, one)),
  ...[sixteenHeads, narrow, many].map((one) => outputCheck(ofMatrix, one, planned)),
  ...matrixSmall.map((tuning) => outputCheck(ofMatrix, many, { ...planned, tuning })),
  ...[sixteenHeads, narrow].map((one) => outputCheck(ofMatrix, one, { stretch: 300 })),
  ...matrixChecked.flatMap((tuning) => [
    outputCheck(ofMatrix, narrow, { tuning }),
    ...[wide, sixteenHeads].map((one) => outputCheck(ofMatrix, one, { tuning, unitsOnly: true })),
  ]),
];

export const checks: readonly GpuCheck[] = [...portableChecks, ...matrixChecks];
