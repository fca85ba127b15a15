import type { MatrixTuning } from "../full-attention/matrix-tunings.ts";
import { checkOf, type GpuCheck } from "../gpu-check.ts";
import { packHalves, roundToHalf } from "../half.ts";
import { Random } from "../random.ts";
import { fitsMatrixWindow, matrixWindowTuningName, matrixWindowTunings, slidingWindowMatrix } from "./matrix.ts";
import { slidingWindow } from "./reference.ts";

interface Size {
  readonly rows: number;
  readonly start: number;
  readonly window: number;
  /** Rows of the ring per head; w when absent. */
  readonly ring?: number;
  readonly kvHeads: number;
  readonly group: number;
  readonly headDim: number;
  readonly sinks: boolean;
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
];

/** q and P are rounded to 16 bit. */
const TOLERANCE = 2e-3;

const nameOf = ({ rows, start, window, ring, kvHeads, group, headDim, sinks }: Size): string =>
  `C=${rows} start=${start} w=${window}${ring === undefined ? "" : ` ring=${ring}`} Hkv=${kvHeads} G=${group} ` +
  `d=${headDim}${sinks ? "" : " no-sinks"}`;

/** Positions from `first` on: the chunk's in a chunk, those before it in a ring, which holds NaN elsewhere. */
function cut(all: Float32Array, { rows, start, window, ring = window, kvHeads, headDim }: Size, first: number) {
  const before = new Float32Array(kvHeads * ring * headDim).fill(NaN);
  const chunk = new Float32Array(kvHeads * rows * headDim);
  const held = start + rows - first;
  for (let head = 0; head < kvHeads; head++) {
    for (let p = first; p < start + rows; p++) {
      const row = all.subarray((head * held + p - first) * headDim, (head * held + p - first + 1) * headDim);
      if (p >= start) chunk.set(row, (head * rows + p - start) * headDim);
      else before.set(row, (head * ring + (p % ring)) * headDim);
    }
  }
  return { ring: packHalves(before), chunk: packHalves(chunk) };
}

const checkOfSize = (size: Size, tuning?: MatrixTuning): GpuCheck => ({
  name: `matrix sliding-window ${nameOf(size)}${tuning === undefined ? "" : ` ${matrixWindowTuningName(tuning)}`}`,
  prepare: (seed, traits) => {
    const { rows, start, window, ring, kvHeads, group, headDim, sinks } = size;
    if (!fitsMatrixWindow(headDim, traits, tuning)) return { skip: "it does not fit this device's matrix units" };
    const queryHeads = kvHeads * group;
    const shape = { queryHeads, kvHeads, headDim, window };
    const random = new Random(seed);
    const first = Math.max(0, start - window + 1);
    const queries = random.normals(rows * queryHeads * headDim);
    const keys = random.normals(kvHeads * (start + rows - first) * headDim);
    const values = random.normals(kvHeads * (start + rows - first) * headDim);
    const sink = sinks ? random.normals(queryHeads, 2) : new Float32Array(queryHeads).fill(-Infinity);
    const [k, v] = [cut(keys, size, first), cut(values, size, first)];
    const want = slidingWindow({
      ...{ queries, keys: roundToHalf(keys), values: roundToHalf(values), first, sinks: sink },
      ...{ queryHeads, kvHeads, headDim, window, start },
    });
    return checkOf({
      op: slidingWindowMatrix(shape, traits, tuning),
      run: { rows, start, ...(ring === undefined ? {} : { ring }) },
      buffers: {
        q: queries,
        k: k.chunk,
        v: v.chunk,
        ringK: k.ring,
        ringV: v.ring,
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
