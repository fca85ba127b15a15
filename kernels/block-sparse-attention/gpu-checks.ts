import { checkOf, type Expected, type GpuCheck } from "../gpu-check.ts";
import type { DeviceTraits } from "../gpu-op.ts";
import { packHalves, roundToHalf } from "../half.ts";
import { aroundEdge, type KernelCase } from "../kernel-case.ts";
import type { BlockSparseAttentionInput } from "./block-sparse-attention.ts";
import { blockSparseCase, cases, type Size } from "./cases.ts";
import { inSequence } from "./compose.ts";
import { blockDispatchGpu, blockSparseGpu, planBytes, type BlockSparseCall } from "./gpu.ts";
import { planOnHost } from "./plan.ts";
import { blockSparseAttention } from "./reference.ts";
import { listsOf, tileForm, tuningName, tunings, type BlockSparseShape, type BlockSparseTuning } from "./tuning.ts";

/** Rows of other chunks before this one's in `blocks`; they hold what must not be read. */
const ROWS_BEFORE = 2;

/** Every tile shape that a device may get, and some that only benchmarks use. */
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

/** Undefined where the size runs, or why it does not. */
function refused(shape: BlockSparseShape, traits: DeviceTraits, tuning?: BlockSparseTuning): string | undefined {
  try {
    tileForm(shape, traits, tuning);
    return undefined;
  } catch (error) {
    if (error instanceof RangeError) return error.message;
    throw error;
  }
}

/** f32 sums in another order; 16-bit products and probabilities; 16-bit partial results. */
function toleranceOf(traits: DeviceTraits, partials: "f16" | "f32"): number {
  if (traits.arithmetic === "f16") return 5e-3;
  return partials === "f16" ? 5e-4 : 1e-5;
}

interface Way {
  readonly tuning?: BlockSparseTuning;
  readonly hostPlan?: boolean;
  readonly scale?: number;
}

function outputCheck(one: KernelCase<BlockSparseAttentionInput>, way: Way = {}): GpuCheck {
  const { tuning, hostPlan = false, scale } = way;
  const notes = [
    ...(tuning === undefined ? [] : [tuningName(tuning)]),
    ...(hostPlan ? ["host plan"] : []),
    ...(scale === undefined ? [] : [`queries x ${scale}`]),
  ];
  return {
    name: [one.name, ...notes].join(" "),
    prepare: (seed, traits) => {
      const { input, shape, run, blocks } = prepared(one, seed, scale);
      const skip = refused(shape, traits, tuning);
      if (skip !== undefined) return { skip };
      const values = blockSparseAttention(input);
      const { partials } = tileForm(shape, traits, tuning);
      const sparse = blockSparseGpu(shape, traits, tuning);
      const both = inSequence<BlockSparseCall>([blockDispatchGpu(shape, traits, tuning), sparse], () => ({
        ...planBytes(shape, run, traits, tuning),
      }));
      return checkOf({
        op: hostPlan ? sparse : both,
        run,
        buffers: {
          q: Float32Array.from(input.queries),
          k: packHalves(input.keys),
          v: packHalves(input.values),
          blocks,
          sinks: Float32Array.from(input.sinks),
          out: { bytes: values.length * 4 },
          ...(hostPlan ? planOnHost(blocks, shape, run, traits, tuning) : {}),
        },
        expected: { out: expectedOut(input, values, traits, partials, scale) },
      });
    },
  };
}

/** Logits of +-1000 have no 16-bit precision left to compare: there they must only stay means of the values. */
function expectedOut(
  input: BlockSparseAttentionInput,
  values: Float64Array,
  traits: DeviceTraits,
  partials: "f16" | "f32",
  scale = 1,
): Expected {
  const per = input.queryHeads * input.headDim;
  const expected = { format: "f32" as const, values, tolerance: toleranceOf(traits, partials), per };
  if (scale === 1) return expected;
  if (traits.arithmetic === "f32") return { ...expected, tolerance: 2e-4 };
  let most = 0;
  for (const value of input.values) if (!Number.isNaN(value)) most = Math.max(most, 1.01 * Math.abs(value));
  return {
    ...expected,
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
      const skip = refused(shape, traits);
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

export const checks: readonly GpuCheck[] = [
  ...[...realCases, ...edgeCases, severalParts, ...cases.slice(0, 6)].map(planCheck),
  ...[...sharedCases, ...realCases].map((one) => outputCheck(one)),
  ...edgeCases.map((one) => outputCheck(one, { tuning: small })),
  outputCheck(realCases[1]!, { hostPlan: true }),
  outputCheck(edgeCases.at(-2)!, { hostPlan: true, tuning: small }),
  ...realCases.map((one) => outputCheck(one, { scale: 300 })),
  ...allTunings.map((tuning) => outputCheck(severalParts, { tuning })),
  ...allTunings.filter(({ partials }) => partials === "f16").map((tuning) => outputCheck(realCases[1]!, { tuning })),
];
