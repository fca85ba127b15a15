import { checkOf, type GpuCheck } from "../gpu-check.ts";
import type { DeviceTraits } from "../gpu-op.ts";
import { packHalves, roundToHalf } from "../half.ts";
import { poisonRoom } from "../kernel-case.ts";
import { Random } from "../random.ts";
import type { ScoredAttentionInput } from "./full-attention.ts";
import { fitsMatrix, fullAttentionMatrix } from "./matrix.ts";
import { matrixFits, matrixTunings, type MatrixTuning } from "./matrix-tunings.ts";
import { fullAttention, scoredAttention } from "./reference.ts";

/** Per position: queries and weights are rounded to f16. */
const TOLERANCE = 2e-3;
/** Where logits are large, their rounding error is: queries and keys of deviation 4 give logits of deviation 16. */
const TOLERANCE_OF_LARGE = 5e-3;

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

/** Around the edges of row and key tiles, with room behind the last key; blocks of every kind. */
const sizes: readonly Size[] = [
  ...[1, 31, 32, 33].map((rows) => ({ ...base, rows, group: 1 })),
  { ...base, rows: 70, start: 5, group: 3, spare: 7 },
  { ...base, rows: 37, start: 100, headDim: 128, kvHeads: 1, spare: 1 },
  { ...base, rows: 5, start: 250, headDim: 128, group: 16 },
  { ...base, rows: 2, start: 60, group: 80, kvHeads: 1 },
  ...[16, 32, 48, 80, 128, 192].map((block) => ({ ...base, rows: 19, start: 190, block, kvHeads: 1, spare: 3 })),
];

/** What every tuning must do: several tiles and a rest of rows and keys, G = 3 and 16. */
const tuned: readonly Size[] = [
  { ...base, rows: 45, start: 99, group: 3, headDim: 16, spare: 2 },
  { ...base, rows: 20, start: 111, group: 16, headDim: 16, kvHeads: 1 },
];

/** On devices with workgroup storage for all tunings, where pipelines are quick to compile: the real head dims. */
const tunedWide: readonly (Size & { readonly scores: boolean })[] = [
  { ...base, rows: 70, start: 99, group: 3, scores: true },
  { ...base, rows: 70, start: 128, headDim: 128, block: 48, kvHeads: 1, scores: true },
  { ...base, rows: 20, start: 111, headDim: 128, group: 16, scores: false },
  { ...base, rows: 11, start: 40, headDim: 80, group: 3, block: 16, scores: true },
];
const WIDE_BYTES = 48 * 1024;

function describe({ rows, start, kvHeads, group, headDim, block }: Size): string {
  return `full-attention matrix C=${rows} start=${start} Hkv=${kvHeads} G=${group} d=${headDim} B=${block}`;
}

function inputsOf({ rows, start, kvHeads, group, headDim, block, spare }: Size, seed: number, scale = 1): Inputs {
  const random = new Random(seed);
  const room = start + rows + spare;
  const queryHeads = kvHeads * group;
  const cache = (deviation: number): Float32Array =>
    poisonRoom(random.normals(kvHeads * room * headDim, deviation), kvHeads, room, start + rows, headDim);
  const queries = random.normals(rows * queryHeads * headDim, scale);
  return { queries, keys: cache(scale), values: cache(1), queryHeads, kvHeads, headDim, start, block };
}

interface Inputs extends ScoredAttentionInput {
  readonly queries: Float32Array;
  readonly keys: Float32Array;
}

/** Column 0 of queries and keys as told, so that logits lie about `queries of row` times `key`. */
function steered(input: Inputs, ofQuery: (row: number) => number, ofKey: (key: number) => number): Inputs {
  const { headDim, queryHeads, kvHeads } = input;
  const room = input.keys.length / (kvHeads * headDim);
  const set = (values: Float32Array, value: (vector: number) => number): Float32Array =>
    values.map((old, i) => (i % headDim === 0 && !Number.isNaN(old) ? value(i / headDim) : old));
  return {
    ...input,
    queries: set(input.queries, (vector) => ofQuery(Math.floor(vector / queryHeads)) * Math.sqrt(headDim)),
    keys: set(input.keys, (vector) => ofKey(vector % room)),
  };
}

/** Logits of about +-1000, all of a query near each other, so that the softmax is not one key's alone. */
function largeLogits(seed: number): Inputs {
  const input = inputsOf({ ...base, rows: 20, start: 90, spare: 3 }, seed);
  return steered(
    input,
    (row) => (row % 2 === 0 ? 80 : -80),
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
    (row) => (row % 2 === 0 ? 4 : -1),
    (key) => (key === 77 || key === 150 ? 12 : key / 20),
  );
}

/** Queries and keys of deviation 4: logits of deviation 16, of which few keys take all. */
function spread(seed: number): Inputs {
  return inputsOf({ ...base, rows: 40, start: 60 }, seed, 4);
}

function checkOfInput(
  name: string,
  inputs: (seed: number) => ScoredAttentionInput,
  scores: boolean,
  tolerance = TOLERANCE,
  tuning?: MatrixTuning,
  leastBytes = 0,
): GpuCheck {
  return {
    name: `${name}${scores ? " with scores" : ""}`,
    prepare: (seed: number, traits: DeviceTraits) => {
      if (traits.matrix === "none") return { skip: "no matrix units, and they are not emulated" };
      if (traits.workgroupStorageBytes < leastBytes) return { skip: "for devices with more workgroup storage" };
      const input = inputs(seed);
      const { queryHeads, kvHeads, headDim, start, block } = input;
      const shape = { queryHeads, kvHeads, headDim, block, scores };
      if (!fitsMatrix(shape, traits)) return { skip: "the shape does not fit this device's matrix units" };
      if (tuning !== undefined && !matrixFits(tuning, headDim, traits)) {
        return { skip: "the tuning does not fit this device" };
      }
      const rounded = { ...input, keys: roundToHalf(input.keys), values: roundToHalf(input.values) };
      const room = input.keys.length / (kvHeads * headDim);
      const rows = input.queries.length / (queryHeads * headDim);
      const blocks = Math.ceil((start + rows) / block);
      const expected = scores ? scoredAttention(rounded) : { out: fullAttention(rounded), groupScores: undefined };
      const { out, groupScores } = expected;
      return checkOf({
        op: fullAttentionMatrix(shape, traits, tuning),
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

export const checks: readonly GpuCheck[] = [
  ...sizes.map((size) => checkOfInput(describe(size), (seed) => inputsOf(size, seed), true)),
  ...[false, true].flatMap((scores) => [
    checkOfInput("full-attention matrix logits of +-1000", largeLogits, scores, TOLERANCE_OF_LARGE),
    checkOfInput("full-attention matrix climbing logits", (seed) => climbing(seed, 64), scores, TOLERANCE_OF_LARGE),
    checkOfInput("full-attention matrix logits of deviation 16", spread, scores, TOLERANCE_OF_LARGE),
  ]),
  checkOfInput("full-attention matrix climbing logits d=128", (seed) => climbing(seed, 128), true, TOLERANCE_OF_LARGE),
  ...Object.entries(matrixTunings).flatMap(([name, tuning]) => [
    ...tuned.map((size) =>
      checkOfInput(`${describe(size)} tile=${name}`, (seed) => inputsOf(size, seed), true, TOLERANCE, tuning),
    ),
    ...tunedWide.map((size) => {
      const inputs = (seed: number): Inputs => inputsOf(size, seed);
      return checkOfInput(`${describe(size)} tile=${name}`, inputs, size.scores, TOLERANCE, tuning, WIDE_BYTES);
    }),
    ...[64, 128].map((headDim) => {
      const inputs = (seed: number): Inputs => climbing(seed, headDim);
      const title = `full-attention matrix climbing logits d=${headDim} tile=${name}`;
      return checkOfInput(title, inputs, true, TOLERANCE_OF_LARGE, tuning, WIDE_BYTES);
    }),
  ]),
];
