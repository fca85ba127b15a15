import type { ScoredAttentionInput } from "../full-attention/full-attention.ts";
import { scoredAttention } from "../full-attention/reference.ts";
import { checkOf, type GpuCheck } from "../gpu-check.ts";
import { packHalves, roundToHalf } from "../half.ts";
import { poisonRoom } from "../kernel-case.ts";
import { Random } from "../random.ts";
import {
  fitsMatrixDecode,
  fullDecodeMatrix,
  matrixDecodeTuningFits,
  matrixDecodeTunings,
  type MatrixDecodeTuning,
} from "./matrix.ts";

/** Per head: queries and weights are rounded to f16. */
const TOLERANCE = 2e-3;
/** Per position where logits are large: so is their rounding error. Queries and keys of deviation 4 give logits of 16. */
const TOLERANCE_OF_LARGE = 5e-3;

interface Size {
  readonly position: number;
  readonly kvHeads: number;
  readonly group: number;
  readonly headDim: number;
  readonly block: number;
  readonly spare: number;
  readonly scores: boolean;
  /** Of queries and keys. */
  readonly scale: number;
  /** The first column of queries and keys makes logits climb along the keys for every other head, and fall for others. */
  readonly climbing: boolean;
}

const base: Size = {
  position: 700,
  kvHeads: 2,
  group: 4,
  headDim: 64,
  block: 64,
  spare: 3,
  scores: true,
  scale: 1,
  climbing: false,
};

/** Few shapes at many positions: compiling a shape for software Vulkan takes seconds, running it does not. */
const sizes: readonly Size[] = [
  ...[0, 15, 62, 63, 64, 127, 128, 255, 700, 2500].map((position) => ({ ...base, position })),
  { ...base, scale: 4 },
  { ...base, climbing: true },
  { ...base, scores: false },
  { ...base, group: 3, position: 100 },
  ...[50, 300].map((position) => ({ ...base, group: 80, kvHeads: 1, block: 48, position })),
  ...[130, 600].map((position) => ({ ...base, headDim: 128, group: 16, kvHeads: 1, position })),
  ...[100, 499].map((position) => ({ ...base, headDim: 80, group: 17, kvHeads: 1, block: 192, position })),
  { ...base, headDim: 16, group: 1, block: 16 },
];

/** Splits of many tiles, with a reference that is raised on the way, and blocks that are several tiles or no whole one. */
const long: readonly Size[] = [
  { ...base, position: 2500 },
  { ...base, climbing: true, block: 48 },
  { ...base, position: 900, headDim: 128, group: 16, block: 128, climbing: true },
];

/** What every tuning must do that fits the device, and real sizes for devices that are quick. */
const tuned: readonly Size[] = [
  { ...base, headDim: 48, group: 3, block: 32, position: 437 },
  { ...base, headDim: 48, group: 3, block: 32, position: 437, climbing: true },
  { ...base, headDim: 128, group: 16, kvHeads: 1, position: 437, climbing: true },
];
const tunedWide: readonly Size[] = [
  { ...base, headDim: 128, position: 1001 },
  { ...base, headDim: 128, position: 1024, group: 16, climbing: true },
  { ...base, headDim: 128, position: 3071, group: 24, block: 80 },
  { ...base, headDim: 64, position: 8191, group: 3 },
  { ...base, headDim: 128, position: 40_000, scores: false },
];
const WIDE_BYTES = 48 * 1024;

function describe({ position, kvHeads, group, headDim, block, scores, scale, climbing }: Size): string {
  return (
    `full-attention-decode matrix t=${position} Hkv=${kvHeads} G=${group} d=${headDim} B=${block}` +
    `${scale === 1 ? "" : ` scale=${scale}`}${climbing ? " climbing" : ""}${scores ? "" : " no-scores"}`
  );
}

function inputsOf({ position, kvHeads, group, headDim, block, spare, scale, climbing }: Size, seed: number): Inputs {
  const random = new Random(seed);
  const room = position + 1 + spare;
  const queryHeads = kvHeads * group;
  const queries = random.normals(queryHeads * headDim, scale);
  const keys = random.normals(kvHeads * room * headDim, scale);
  const values = random.normals(kvHeads * room * headDim);
  if (climbing) {
    for (let head = 0; head < queryHeads; head++) {
      queries[head * headDim] = (head % 2 === 0 ? 4 : -1) * Math.sqrt(headDim);
    }
    for (let i = 0; i < kvHeads * room; i++) {
      const key = i % room;
      keys[i * headDim] = key === 77 || key === position ? 15 : (key * 10) / position;
    }
  }
  const poison = (cache: Float32Array): Float32Array => poisonRoom(cache, kvHeads, room, position + 1, headDim);
  return {
    ...{ queries, keys: poison(keys), values: poison(values) },
    ...{ queryHeads, kvHeads, headDim, start: position, block },
  };
}

interface Inputs extends ScoredAttentionInput {
  readonly queries: Float32Array;
}

const checkOne = (size: Size, name = "", tuning?: MatrixDecodeTuning, leastBytes = 0): GpuCheck => ({
  name: `${describe(size)}${name}`,
  prepare: (seed, traits) => {
    const { kvHeads, headDim, position, spare, block, scores } = size;
    const queryHeads = kvHeads * size.group;
    const shape = { queryHeads, kvHeads, headDim, block, scores };
    if (traits.matrix === "none") return { skip: "no matrix units, and they are not emulated" };
    if (traits.workgroupStorageBytes < leastBytes) return { skip: "for devices with more workgroup storage" };
    if (!fitsMatrixDecode(shape, traits)) return { skip: "the shape does not fit this device's matrix units" };
    if (tuning !== undefined && !matrixDecodeTuningFits(tuning, headDim, traits)) {
      return { skip: "the tuning does not fit this device" };
    }
    const input = inputsOf(size, seed);
    const want = scoredAttention({ ...input, keys: roundToHalf(input.keys), values: roundToHalf(input.values) });
    const large = size.climbing || size.scale > 1;
    const tolerance = large ? TOLERANCE_OF_LARGE : TOLERANCE;
    return checkOf({
      op: fullDecodeMatrix(shape, traits, tuning),
      run: { position, room: position + 1 + spare },
      buffers: {
        q: input.queries,
        k: packHalves(input.keys),
        v: packHalves(input.values),
        out: { bytes: want.out.length * 4 },
        ...(scores ? { scores: { bytes: want.groupScores.length * 4 } } : {}),
      },
      expected: {
        out: { format: "f32", values: want.out, tolerance, per: large ? want.out.length : headDim },
        ...(scores
          ? { scores: { format: "f32", values: want.groupScores, tolerance, per: want.groupScores.length } }
          : {}),
      },
    });
  },
});

export const checks: readonly GpuCheck[] = [
  ...sizes.map((size) => checkOne(size)),
  ...long.map((size) => checkOne(size, " two splits", { ...matrixDecodeTunings["4x32"], workgroups: 4 })),
  ...Object.entries(matrixDecodeTunings).flatMap(([name, tuning]) => [
    // Few workgroups: splits of several tiles.
    ...tuned.map((size) => checkOne(size, ` tuning=${name}`, { ...tuning, workgroups: 4 })),
    ...tunedWide.map((size) => checkOne(size, ` tuning=${name}`, { ...tuning, workgroups: 8 }, WIDE_BYTES)),
  ]),
];
