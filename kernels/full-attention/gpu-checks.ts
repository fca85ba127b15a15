import { checkOf, type GpuCheck } from "../gpu-check.ts";
import type { DeviceTraits } from "../gpu-op.ts";
import { packHalves, roundToHalf } from "../half.ts";
import { aroundEdge, poisonRoom } from "../kernel-case.ts";
import { Random } from "../random.ts";
import { cases } from "./cases.ts";
import type { ScoredAttentionInput } from "./full-attention.ts";
import { fullAttentionGpu } from "./gpu.ts";
import { chooseTuning, fits, tunings, withWideLogits, type FullAttentionTuning } from "./gpu-tunings.ts";
import { fullAttention, scoredAttention } from "./reference.ts";

/**
 * Per position. In f32 the error of a logit, a few of its last bits, is what the exponential makes relative; logits of
 * +-1000 have last bits of 1e-4.
 */
const TOLERANCE = { f16: 5e-3, f32: 2e-5 } as const;
const TOLERANCE_OF_LARGE = { f16: 5e-3, f32: 1e-3 } as const;

/**
 * Cases whose logits spread so far that packed 16-bit logits miss the tolerance (half a percent to a percent at a
 * deviation of 16, everything at +-1000): devices with f16 arithmetic are held to it with logits multiplied in 32 bits;
 * the packed form, in `rangeCheck`, only to be a mean of the values.
 */
const LARGE = /scale=4/;
/** d of the op's cases that are left out because other cases run the same code: each d is a pipeline to compile. */
const REDUNDANT = / d=8 /;

interface Size {
  readonly rows: number;
  readonly start: number;
  readonly kvHeads: number;
  readonly group: number;
  readonly headDim: number;
  readonly block: number;
  readonly spare: number;
}

const base: Size = { rows: 9, start: 0, kvHeads: 2, group: 4, headDim: 64, block: 64, spare: 0 };

/** Real head shapes, around the edges of row and key tiles, with room behind the last key. */
const sizes: readonly Size[] = [
  { ...base, rows: 70, start: 5, group: 3, spare: 7 },
  { ...base, rows: 37, start: 100, headDim: 128, kvHeads: 1, spare: 1 },
  { ...base, rows: 5, start: 250, headDim: 128, group: 16 },
  { ...base, rows: 2, start: 60, group: 80, kvHeads: 1 },
  { ...base, rows: 11, start: 64, headDim: 44, group: 5 },
  // Key tiles that hold several blocks, blocks of several tiles, and blocks that fit no tile evenly.
  ...[2, 6, 12, 16, 24, 32, 48, 100, 128, 192].map((block) => ({ ...base, rows: 19, start: 190, block, spare: 3 })),
];

/** Sizes for the tilings of devices with little workgroup storage. */
const smallest: readonly Size[] = [
  { ...base, rows: 13, start: 30, headDim: 128, group: 3 },
  { ...base, rows: 3, start: 70, headDim: 256, group: 3, block: 8 },
];

/** What every tuning must do: two tiles and a rest of rows and keys, G = 3 and 4, blocks that fit and that do not. */
const tuned: readonly Size[] = [
  { ...base, rows: 45, start: 99, group: 3, headDim: 16, spare: 2 },
  { ...base, rows: 18, start: 128, headDim: 16, block: 16, kvHeads: 1 },
  { ...base, rows: 18, start: 111, headDim: 16, block: 40, kvHeads: 1 },
];

/** The real head dims, where they are timed; elsewhere the default tunings run them above. */
const tunedWide: readonly Size[] = [
  { ...base, rows: 45, start: 99, group: 3 },
  { ...base, rows: 18, start: 128, headDim: 128, kvHeads: 1 },
];

function describe({ rows, start, kvHeads, group, headDim, block }: Size): string {
  return `full-attention C=${rows} start=${start} Hkv=${kvHeads} G=${group} d=${headDim} B=${block}`;
}

function inputsOf({ rows, start, kvHeads, group, headDim, block, spare }: Size, seed: number): ScoredAttentionInput {
  const random = new Random(seed);
  const room = start + rows + spare;
  const queryHeads = kvHeads * group;
  const cache = (): Float32Array =>
    poisonRoom(random.normals(kvHeads * room * headDim), kvHeads, room, start + rows, headDim);
  const queries = random.normals(rows * queryHeads * headDim);
  return { queries, keys: cache(), values: cache(), queryHeads, kvHeads, headDim, start, block };
}

/** Logits of about +-1000, all of a query near each other, so that the softmax is not one key's alone. */
function largeLogits(seed: number): ScoredAttentionInput {
  const input = inputsOf({ ...base, rows: 20, start: 90, headDim: 16, block: 16, spare: 3 }, seed);
  const { headDim } = input;
  const queries = Float32Array.from(input.queries, (value, i) =>
    i % headDim === 0 ? (i % (2 * headDim) === 0 ? 80 : -80) * Math.sqrt(headDim) : value,
  );
  const keys = Float32Array.from(input.keys, (value, i) => (i % headDim === 0 && !Number.isNaN(value) ? 12.5 : value));
  return { ...input, queries, keys };
}

function checkOfInput(
  name: string,
  inputs: (seed: number) => ScoredAttentionInput,
  scores: boolean,
  tolerances: { readonly f16: number; readonly f32: number } = TOLERANCE,
  tuningOf?: (headDim: number, traits: DeviceTraits) => FullAttentionTuning,
): GpuCheck {
  return {
    name: `${name}${scores ? " with scores" : ""}`,
    prepare: (seed: number, traits: DeviceTraits) => {
      const input = inputs(seed);
      const { queryHeads, kvHeads, headDim, start, block } = input;
      if (headDim % 4 !== 0) return { skip: `d = ${headDim} is no multiple of 4` };
      const tuning = tuningOf?.(headDim, traits);
      if (tuning !== undefined && !fits(tuning, headDim, traits))
        return { skip: "the tuning does not fit this device" };
      const rounded = { ...input, keys: roundToHalf(input.keys), values: roundToHalf(input.values) };
      const room = input.keys.length / (kvHeads * headDim);
      const rows = input.queries.length / (queryHeads * headDim);
      const blocks = Math.ceil((start + rows) / block);
      const tolerance = tolerances[traits.arithmetic];
      const expected = scores ? scoredAttention(rounded) : { out: fullAttention(rounded), groupScores: undefined };
      const { out, groupScores } = expected;
      return checkOf({
        op: fullAttentionGpu({ queryHeads, kvHeads, headDim, block, scores }, traits, tuning),
        run: { rows, start, room },
        buffers: {
          q: Float32Array.from(input.queries),
          k: packHalves(input.keys),
          v: packHalves(input.values),
          out: { bytes: out.length * 4 },
          ...(groupScores === undefined ? {} : { scores: { bytes: groupScores.length * 4 } }),
        },
        expected: {
          out: { format: "f32", values: out, tolerance, per: queryHeads * headDim },
          ...(groupScores === undefined
            ? {}
            : { scores: { format: "f32", values: groupScores, tolerance, per: kvHeads * blocks } }),
        },
      });
    },
  };
}

/** Each size of each tuning is a pipeline, and software devices take seconds to compile one. */
function onlyInF16({ name, prepare }: GpuCheck): GpuCheck {
  const skip = { skip: "every tuning in its real head dims is for devices with f16 arithmetic" };
  return { name, prepare: (seed, traits) => (traits.arithmetic === "f16" ? prepare(seed, traits) : skip) };
}

/** A scratch of at most 8 KiB: the call is run as several over fewer queries. */
const inPortions: GpuCheck = {
  name: "full-attention C=45 in portions with scores",
  prepare: (seed, traits) => {
    const size = { ...base, rows: 45, start: 99, group: 3, headDim: 16, block: 8 };
    const whole = checkOfInput(describe(size), (inner) => inputsOf(size, inner), true);
    return whole.prepare(seed, { ...traits, maxBindingBytes: 2 ** 13 });
  },
};

function wideLogits(headDim: number, traits: DeviceTraits): FullAttentionTuning {
  return withWideLogits(chooseTuning(headDim, traits));
}

/** The default form at logits of +-1000: whatever the arithmetic, outputs are means of values, and scores at most 1. */
const rangeCheck: GpuCheck = {
  name: "full-attention logits of +-1000, range",
  prepare: (seed, traits) => {
    const input = largeLogits(seed);
    const { queryHeads, kvHeads, headDim, start, block } = input;
    const rows = input.queries.length / (queryHeads * headDim);
    const room = input.keys.length / (kvHeads * headDim);
    const count = rows * kvHeads * Math.ceil((start + rows) / block);
    const largest = Float64Array.from(input.values).reduce(
      (most, value) => (Math.abs(value) > most ? Math.abs(value) : most),
      0,
    );
    const within =
      (bound: number) =>
      (actual: Float64Array): string | undefined => {
        const stray = actual.findIndex((value) => !(Math.abs(value) <= bound * 1.01));
        return stray < 0 ? undefined : `element ${stray} is ${actual[stray]}, beyond ${bound}`;
      };
    const outputs = (length: number, bound: number) =>
      ({ format: "f32", values: new Float32Array(length), tolerance: 0, per: 1, judge: within(bound) }) as const;
    return checkOf({
      op: fullAttentionGpu({ queryHeads, kvHeads, headDim, block, scores: true }, traits),
      run: { rows, start, room },
      buffers: {
        q: Float32Array.from(input.queries),
        k: packHalves(input.keys),
        v: packHalves(input.values),
        out: { bytes: input.queries.length * 4 },
        scores: { bytes: count * 4 },
      },
      expected: { out: outputs(input.queries.length, largest), scores: outputs(count, 1) },
    });
  },
};

function checkOfTuning(name: string, tuning: FullAttentionTuning, size: Size, scores: boolean): GpuCheck {
  return checkOfInput(
    `${describe(size)} tile=${name}`,
    (seed) => inputsOf(size, seed),
    scores,
    TOLERANCE,
    () => tuning,
  );
}

export const checks: readonly GpuCheck[] = [
  ...cases
    .filter(({ name }) => !REDUNDANT.test(name))
    .map(({ name, inputs }) =>
      checkOfInput(name, inputs, true, TOLERANCE, LARGE.test(name) ? wideLogits : chooseTuning),
    ),
  ...sizes.map((size) => checkOfInput(describe(size), (seed) => inputsOf(size, seed), true)),
  ...smallest.map((size) =>
    checkOfInput(
      `${describe(size)} in 16 KiB`,
      (seed) => inputsOf(size, seed),
      true,
      TOLERANCE,
      (headDim, traits) => chooseTuning(headDim, { ...traits, workgroupStorageBytes: 2 ** 14 }),
    ),
  ),
  ...aroundEdge(64).map((rows) => {
    const size = { ...base, rows, group: 1, headDim: 16 };
    return checkOfInput(describe(size), (seed) => inputsOf(size, seed), false);
  }),
  ...[false, true].map((scores) =>
    checkOfInput("full-attention logits of +-1000", largeLogits, scores, TOLERANCE_OF_LARGE, wideLogits),
  ),
  rangeCheck,
  inPortions,
  ...Object.entries(tunings).flatMap(([name, tuning]) => [
    ...tuned.map((size) => checkOfTuning(name, tuning, size, true)),
    ...tunedWide.map((size) => onlyInF16(checkOfTuning(name, tuning, size, true))),
  ]),
];
