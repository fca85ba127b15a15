import type { MatrixTuning } from "../full-attention/matrix-tunings.ts";
import { checkOf, type GpuCheck } from "../gpu-check.ts";
import { packHalves, roundToHalf } from "../half.ts";
import { Random } from "../random.ts";
import { fitsMatrixWindow, matrixWindowTuningName, matrixWindowTunings, slidingWindowMatrix } from "./matrix.ts";
import { slidingWindow } from "./reference.ts";
import { cutForRing } from "./ring.ts";

interface Size {
  readonly rows: number;
  readonly start: number;
  readonly window: number;
  /** Rows of the ring per head; F + w when absent. */
  readonly ring?: number;
  readonly kvHeads: number;
  readonly group: number;
  readonly headDim: number;
  readonly sinks: boolean;
  /** F */
  readonly first?: number;
}

const base: Size = { rows: 5, start: 20, window: 8, kvHeads: 2, group: 2, headDim: 16, sinks: true };
const real: Size = { ...base, window: 128, rows: 70, start: 300, headDim: 64, group: 3 };

/** Few shapes at many positions: compiling a shape for software Vulkan takes a second, running it does not. */
const sizes: readonly Size[] = [
  ...[1, 7, 8, 9, 40].map((rows) => ({ ...base, rows, start: 0 })),
  ...[1, 5, 33].flatMap((rows) => [6, 7, 8, 9, 1000].map((start) => ({ ...base, rows, start }))),
  { ...base, sinks: false },
  { ...base, ring: 26, window: 40 },
  { ...base, group: 1, window: 100, rows: 45 },
  { ...base, window: 1, rows: 17 },
  { ...base, group: 70, window: 16, kvHeads: 1 },
  { ...base, group: 5, headDim: 80, window: 33, rows: 9 },
  ...[0, 60, 127, 128, 129, 300].map((start) => ({ ...real, start })),
  { ...real, rows: 150, start: 0 },
  { ...real, headDim: 128, group: 4, kvHeads: 1 },
  { ...real, headDim: 128, group: 16, kvHeads: 1, rows: 21 },
  // First tokens: fewer than a tile, more than one, more than keys; in the chunk, before it, on both sides of its border.
  ...[1, 5, 33].flatMap((rows) =>
    [0, 1, 3, 4, 8, 11, 12, 13, 1000].map((start) => ({ ...base, first: 4, rows, start })),
  ),
  ...[0, 5, 30, 31, 40, 200].map((start) => ({ ...base, first: 40, rows: 9, start })),
  ...[0, 60, 131, 132, 300].map((start) => ({ ...real, first: 4, start })),
  { ...real, first: 100, rows: 150 },
];

/** q and P are rounded to 16 bit. */
const TOLERANCE = 2e-3;

const nameOf = ({ rows, start, window, ring, kvHeads, group, headDim, sinks, first = 0 }: Size): string =>
  `C=${rows} start=${start} w=${window}${ring === undefined ? "" : ` ring=${ring}`} Hkv=${kvHeads} G=${group} ` +
  `d=${headDim}${sinks ? "" : " no-sinks"}${first > 0 ? ` first=${first}` : ""}`;

const checkOfSize = (size: Size, tuning?: MatrixTuning): GpuCheck => ({
  name: `matrix sliding-window ${nameOf(size)}${tuning === undefined ? "" : ` ${matrixWindowTuningName(tuning)}`}`,
  prepare: (seed, traits) => {
    const { rows, start, window, first = 0, ring = first + window, kvHeads, group, headDim, sinks } = size;
    if (!fitsMatrixWindow(headDim, traits, tuning)) return { skip: "it does not fit this device's matrix units" };
    const queryHeads = kvHeads * group;
    const shape = { queryHeads, kvHeads, headDim, window, first };
    const random = new Random(seed);
    const from = Math.max(first, start - window + 1);
    const held = Math.min(first, start + rows) + Math.max(0, start + rows - from);
    const queries = random.normals(rows * queryHeads * headDim);
    const keys = random.normals(kvHeads * held * headDim);
    const values = random.normals(kvHeads * held * headDim);
    const sink = sinks ? random.normals(queryHeads, 2) : new Float32Array(queryHeads).fill(-Infinity);
    const cut = { ...{ kvHeads, headDim, start, rows, ring }, from, first };
    const [k, v] = [cutForRing(keys, cut), cutForRing(values, cut)];
    const want = slidingWindow({
      ...{ queries, keys: roundToHalf(keys), values: roundToHalf(values), from, first, sinks: sink },
      ...{ queryHeads, kvHeads, headDim, window, start },
    });
    return checkOf({
      op: slidingWindowMatrix(shape, traits, tuning),
      run: { rows, start, ring },
      buffers: {
        q: queries,
        k: packHalves(k.chunk),
        v: packHalves(v.chunk),
        ringK: packHalves(k.ring),
        ringV: packHalves(v.ring),
        sinks: sink,
        out: { bytes: want.length * 4 },
      },
      expected: { out: { format: "f32", values: want, tolerance: TOLERANCE, per: queryHeads * headDim } },
    });
  },
});

export const checks: readonly GpuCheck[] = [
  ...sizes.map((size) => checkOfSize(size)),
  // Narrow heads, so that every tuning fits a small device, and real ones.
  ...matrixWindowTunings.flatMap((tuning) =>
    [300, 60].flatMap((start) =>
      [32, 128].map((headDim) => checkOfSize({ ...real, start, headDim, group: 4 }, tuning)),
    ),
  ),
];
