import type { MatrixTuning } from "../attention/matrix-tunings.ts";
import { checkOf, type GpuCheck } from "../gpu-check.ts";
import type { GpuForm } from "../gpu-form.ts";
import type { DeviceTraits } from "../gpu-op.ts";
import { packHalves, roundToHalf } from "../half.ts";
import { aroundEdge, poisonRoom, type CaseChunk } from "../kernel-case.ts";
import { Random } from "../random.ts";
import { cases } from "./cases.ts";
import { matrix, portable } from "./forms.ts";
import type { ScoredAttentionInput } from "./full-attention.ts";
import { chooseTuning, tunings, withWideLogits, type FullAttentionTuning } from "./gpu-tunings.ts";
import { matrixTunings } from "./matrix-tunings.ts";
import { fullAttention, scoredAttention } from "./reference.ts";
import type { FullAttentionRun, FullAttentionShape } from "./shape.ts";

/**
 * Cases whose logits spread so far that packed 16-bit logits miss the tolerance (half a percent to a percent at a
 * deviation of 16, everything at +-1000): devices with f16 arithmetic are held to it with logits multiplied in 32 bits;
 * the packed form, in `rangeCheck`, only to be a mean of the values.
 */
const LARGE = /scale=4/;
/** d of the op's cases that are left out because other cases run the same code: each d is a pipeline to compile. */
const REDUNDANT = / d=8 /;

interface Size extends CaseChunk {
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

/** Around the edges of row and key tiles, with room behind the last key; blocks of every kind. */
const matrixSizes: readonly Size[] = [
  ...[1, 31, 32, 33].map((rows) => ({ ...base, rows, group: 1 })),
  { ...base, rows: 70, start: 5, group: 3, spare: 7 },
  { ...base, rows: 37, start: 100, headDim: 128, kvHeads: 1, spare: 1 },
  { ...base, rows: 5, start: 250, headDim: 128, group: 16 },
  { ...base, rows: 2, start: 60, group: 80, kvHeads: 1 },
  ...[16, 32, 48, 80, 128, 192].map((block) => ({ ...base, rows: 19, start: 190, block, kvHeads: 1, spare: 3 })),
];

/** What every tuning must do: several tiles and a rest of rows and keys, G = 3 and 16. */
const matrixTuned: readonly Size[] = [
  { ...base, rows: 45, start: 99, group: 3, headDim: 16, spare: 2 },
  { ...base, rows: 20, start: 111, group: 16, headDim: 16, kvHeads: 1 },
];

/** On devices with workgroup storage for all tunings, where pipelines are quick to compile: the real head dims. */
const matrixTunedWide: readonly (Size & { readonly scores: boolean })[] = [
  { ...base, rows: 70, start: 99, group: 3, scores: true },
  { ...base, rows: 70, start: 128, headDim: 128, block: 48, kvHeads: 1, scores: true },
  { ...base, rows: 20, start: 111, headDim: 128, group: 16, scores: false },
  { ...base, rows: 11, start: 40, headDim: 80, group: 3, block: 16, scores: true },
];
const WIDE_BYTES = 48 * 1024;

/** What a form is held to. */
interface Held<Tuning> {
  readonly form: GpuForm<FullAttentionShape, FullAttentionRun, Tuning>;
  /** In names of checks, behind the op's. */
  readonly title: string;
  /** Per position. */
  readonly tolerance: (traits: DeviceTraits) => number;
  /** The same where logits are large: their last bits are what the exponential makes relative. */
  readonly toleranceOfLarge: (traits: DeviceTraits) => number;
}

const ofPortable: Held<FullAttentionTuning> = {
  form: portable,
  title: "",
  tolerance: ({ arithmetic }) => (arithmetic === "f16" ? 5e-3 : 2e-5),
  toleranceOfLarge: ({ arithmetic }) => (arithmetic === "f16" ? 5e-3 : 1e-3),
};

const ofMatrix: Held<MatrixTuning> = {
  form: matrix,
  title: " matrix",
  /** Queries and weights are rounded to f16. */
  tolerance: () => 2e-3,
  toleranceOfLarge: () => 5e-3,
};

function describe({ rows, start, kvHeads, group, headDim, block }: Size): string {
  return `C=${rows} start=${start} Hkv=${kvHeads} G=${group} d=${headDim} B=${block}`;
}

interface Inputs extends ScoredAttentionInput {
  readonly queries: Float32Array;
  readonly keys: Float32Array;
}

/** @param scale the deviation of queries and keys */
function inputsOf({ rows, start, kvHeads, group, headDim, block, spare }: Size, seed: number, scale = 1): Inputs {
  const random = new Random(seed);
  const room = start + rows + spare;
  const queryHeads = kvHeads * group;
  const cache = (deviation: number): Float32Array =>
    poisonRoom(random.normals(kvHeads * room * headDim, deviation), kvHeads, room, start + rows, headDim);
  const queries = random.normals(rows * queryHeads * headDim, scale);
  return { queries, keys: cache(scale), values: cache(1), queryHeads, kvHeads, headDim, start, block };
}

/** Column 0 of queries and keys as told, so that logits lie about `of query` times `of key`. */
function steered(input: Inputs, ofQuery: (vector: number) => number, ofKey: (key: number) => number): Inputs {
  const { headDim, kvHeads } = input;
  const room = input.keys.length / (kvHeads * headDim);
  const set = (values: Float32Array, value: (vector: number) => number): Float32Array =>
    values.map((old, i) => (i % headDim === 0 && !Number.isNaN(old) ? value(i / headDim) : old));
  return {
    ...input,
    queries: set(input.queries, (vector) => ofQuery(vector) * Math.sqrt(headDim)),
    keys: set(input.keys, (vector) => ofKey(vector % room)),
  };
}

/** Logits of about +-1000, all of a query near each other, so that the softmax is not one key's alone. */
function largeLogits(size: Partial<Size>, seed: number): Inputs {
  return steered(
    inputsOf({ ...base, rows: 20, start: 90, spare: 3, ...size }, seed),
    (vector) => (vector % 2 === 0 ? 80 : -80),
    () => 12.5,
  );
}

/**
 * Logits that climb along the keys for half of the queries, by more than a reference allows before it is raised, fall
 * for the others, and jump at single keys.
 */
function climbing(seed: number, headDim: number): Inputs {
  const input = inputsOf({ ...base, rows: 40, start: 150, headDim, group: 3, spare: 3 }, seed);
  return steered(
    input,
    (vector) => (Math.floor(vector / input.queryHeads) % 2 === 0 ? 4 : -1),
    (key) => (key === 77 || key === 150 ? 12 : key / 20),
  );
}

/** Queries and keys of deviation 4: logits of deviation 16, of which few keys take all. */
function spread(seed: number): Inputs {
  return inputsOf({ ...base, rows: 40, start: 60 }, seed, 4);
}

interface Way<Tuning> {
  readonly scores: boolean;
  readonly large?: boolean;
  readonly tuning?: (headDim: number, traits: DeviceTraits) => Tuning;
  /** Of workgroup storage, that the check is for. */
  readonly leastBytes?: number;
}

function checkOfInput<Tuning>(
  { form, title, tolerance: usual, toleranceOfLarge }: Held<Tuning>,
  name: string,
  inputs: (seed: number) => ScoredAttentionInput,
  { scores, large = false, tuning: tuningOf, leastBytes = 0 }: Way<Tuning>,
): GpuCheck {
  return {
    name: `full-attention${title} ${name}${scores ? " with scores" : ""}`,
    form: form.id,
    prepare: (seed: number, traits: DeviceTraits) => {
      if (traits.workgroupStorageBytes < leastBytes) return { skip: "for devices with more workgroup storage" };
      const input = inputs(seed);
      const { queryHeads, kvHeads, headDim, start, block } = input;
      const shape = { queryHeads, kvHeads, headDim, block, scores };
      const tuning = tuningOf?.(headDim, traits);
      if (!form.fits(shape, traits, tuning)) return { skip: "the shape or the tuning does not fit this device" };
      const rounded = { ...input, keys: roundToHalf(input.keys), values: roundToHalf(input.values) };
      const rows = input.queries.length / (queryHeads * headDim);
      const blocks = Math.ceil((start + rows) / block);
      const tolerance = (large ? toleranceOfLarge : usual)(traits);
      const expected = scores ? scoredAttention(rounded) : { out: fullAttention(rounded), groupScores: undefined };
      const { out, groupScores } = expected;
      return checkOf({
        op: form.make(shape, traits, tuning),
        run: runOf(input),
        buffers: {
          ...inputBuffers(input),
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

function runOf({ queries, keys, queryHeads, kvHeads, headDim, start }: ScoredAttentionInput): FullAttentionRun {
  return { rows: queries.length / (queryHeads * headDim), start, room: keys.length / (kvHeads * headDim) };
}

function inputBuffers({ queries, keys, values }: ScoredAttentionInput) {
  return { q: Float32Array.from(queries), k: packHalves(keys), v: packHalves(values) };
}

function checkOfSize<Tuning>(held: Held<Tuning>, size: Size, way: Way<Tuning>, note = ""): GpuCheck {
  return checkOfInput(held, `${describe(size)}${note}`, (seed) => inputsOf(size, seed), way);
}

/** Each size of each tuning is a pipeline, and software devices take seconds to compile one. */
function onlyInF16({ prepare, ...check }: GpuCheck): GpuCheck {
  const skip = { skip: "every tuning in its real head dims is for devices with f16 arithmetic" };
  return { ...check, prepare: (seed, traits) => (traits.arithmetic === "f16" ? prepare(seed, traits) : skip) };
}

/** A scratch of at most 8 KiB: the call is run as several over fewer queries. */
const inPortions: GpuCheck = {
  name: "full-attention C=45 in portions with scores",
  prepare: (seed, traits) => {
    const size = { ...base, rows: 45, start: 99, group: 3, headDim: 16, block: 8 };
    return checkOfSize(ofPortable, size, { scores: true }).prepare(seed, { ...traits, maxBindingBytes: 2 ** 13 });
  },
};

function wideLogits(headDim: number, traits: DeviceTraits): FullAttentionTuning {
  return withWideLogits(chooseTuning(headDim, traits));
}

/** The default form at logits of +-1000: whatever the arithmetic, outputs are means of values, and scores at most 1. */
const rangeCheck: GpuCheck = {
  name: "full-attention logits of +-1000, range",
  prepare: (seed, traits) => {
    const input = largeLogits(narrow, seed);
    const { queryHeads, kvHeads, headDim, start, block } = input;
    const run = runOf(input);
    const count = run.rows * kvHeads * Math.ceil((start + run.rows) / block);
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
      op: portable.make({ queryHeads, kvHeads, headDim, block, scores: true }, traits),
      run,
      buffers: {
        ...inputBuffers(input),
        out: { bytes: input.queries.length * 4 },
        scores: { bytes: count * 4 },
      },
      expected: { out: outputs(input.queries.length, largest), scores: outputs(count, 1) },
    });
  },
};

/** Heads and blocks that are quick to compile. */
const narrow: Partial<Size> = { headDim: 16, block: 16 };
const scored = { scores: true } as const;
const large = { scores: true, large: true } as const;

const portableChecks: readonly GpuCheck[] = [
  ...cases
    .filter(({ name }) => !REDUNDANT.test(name))
    .map(({ name, inputs }) =>
      checkOfInput(ofPortable, name.replace("full-attention ", ""), inputs, {
        scores: true,
        tuning: LARGE.test(name) ? wideLogits : chooseTuning,
      }),
    ),
  ...sizes.map((size) => checkOfSize(ofPortable, size, scored)),
  ...smallest.map((size) => {
    const tuning = (headDim: number, traits: DeviceTraits): FullAttentionTuning =>
      chooseTuning(headDim, { ...traits, workgroupStorageBytes: 2 ** 14 });
    return checkOfSize(ofPortable, size, { scores: true, tuning }, " in 16 KiB");
  }),
  ...aroundEdge(64).map((rows) => checkOfSize(ofPortable, { ...base, rows, group: 1, headDim: 16 }, { scores: false })),
  ...[false, true].map((scores) =>
    checkOfInput(ofPortable, "logits of +-1000", (seed) => largeLogits(narrow, seed), {
      ...{ scores, large: true, tuning: wideLogits },
    }),
  ),
  rangeCheck,
  inPortions,
  ...Object.entries(tunings).flatMap(([name, tuning]) => {
    const way = { scores: true, tuning: () => tuning };
    return [
      ...tuned.map((size) => checkOfSize(ofPortable, size, way, ` tile=${name}`)),
      ...tunedWide.map((size) => onlyInF16(checkOfSize(ofPortable, size, way, ` tile=${name}`))),
    ];
  }),
];

const matrixChecks: readonly GpuCheck[] = [
  ...matrixSizes.map((size) => checkOfSize(ofMatrix, size, scored)),
  ...[false, true].flatMap((scores) => {
    const way = { scores, large: true };
    return [
      checkOfInput(ofMatrix, "logits of +-1000", (seed) => largeLogits({}, seed), way),
      checkOfInput(ofMatrix, "climbing logits", (seed) => climbing(seed, 64), way),
      checkOfInput(ofMatrix, "logits of deviation 16", spread, way),
    ];
  }),
  checkOfInput(ofMatrix, "climbing logits d=128", (seed) => climbing(seed, 128), large),
  ...Object.entries(matrixTunings).flatMap(([name, one]) => {
    const tuning = (): MatrixTuning => one;
    const wide = { tuning, leastBytes: WIDE_BYTES };
    return [
      ...matrixTuned.map((size) => checkOfSize(ofMatrix, size, { ...scored, tuning }, ` tile=${name}`)),
      ...matrixTunedWide.map(({ scores, ...size }) =>
        checkOfSize(ofMatrix, size, { ...wide, scores }, ` tile=${name}`),
      ),
      ...[64, 128].map((headDim) =>
        checkOfInput(ofMatrix, `climbing logits d=${headDim} tile=${name}`, (seed) => climbing(seed, headDim), {
          ...{ ...large, ...wide },
        }),
      ),
    ];
  }),
];

export const checks: readonly GpuCheck[] = [...portableChecks, ...matrixChecks];
