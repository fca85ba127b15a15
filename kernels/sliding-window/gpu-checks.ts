import type { MatrixTuning } from "../attention/matrix-tunings.ts";
import { checkOf, type GpuCheck } from "../gpu-check.ts";
import type { GpuForm } from "../gpu-form.ts";
import type { DeviceTraits } from "../gpu-op.ts";
import { packHalves, roundToHalf } from "../half.ts";
import type { CaseChunk } from "../kernel-case.ts";
import { Random } from "../random.ts";
import { matrix, portable } from "./forms.ts";
import {
  ringAppendGpu,
  slidingWindowTunings,
  type SlidingWindowRun,
  type SlidingWindowShape,
  type SlidingWindowTuning,
} from "./gpu.ts";
import { matrixWindowTuningName, matrixWindowTunings } from "./matrix.ts";
import { slidingWindow } from "./reference.ts";
import { cutForRing, ringRow } from "./ring.ts";

interface Size extends CaseChunk {
  readonly window: number;
  /** Rows of the ring per head; F + w when absent. */
  readonly ring?: number;
  readonly sinks: boolean;
  /** F */
  readonly first?: number;
}

const base: Size = { rows: 5, start: 20, window: 8, kvHeads: 2, group: 2, headDim: 16, sinks: true };
const real: Size = { ...base, window: 128, rows: 70, start: 300, headDim: 64, group: 3 };

/** Few shapes at many positions: compiling a shape for software Vulkan takes a second, running it does not. */
const sizes: readonly Size[] = [
  ...[1, 7, 8, 9, 17, 40].map((rows) => ({ ...base, rows, start: 0 })),
  ...[1, 5].flatMap((rows) => [6, 7, 8, 9, 16, 1000].map((start) => ({ ...base, rows, start }))),
  { ...base, sinks: false },
  ...[1, 2, 15, 16, 17].map((rows) => ({ ...base, window: 1, rows })),
  { ...base, group: 1, headDim: 12, window: 100, rows: 7 },
  { ...base, group: 70, headDim: 4, window: 16, kvHeads: 1 },
  { ...base, group: 5, headDim: 256, window: 33, rows: 9 },
  ...[0, 60, 127, 128, 129, 300].map((start) => ({ ...real, start })),
  { ...real, rows: 1 },
  { ...real, rows: 150, start: 0 },
  { ...real, headDim: 128, group: 4, kvHeads: 1 },
  { ...real, headDim: 128, group: 16, kvHeads: 1, rows: 21 },
  // First tokens: fewer than a tile, more than one, more than keys; in the chunk, before it, on both sides of its border.
  ...[1, 5, 40].flatMap((rows) =>
    [0, 1, 3, 4, 7, 8, 11, 12, 13, 1000].map((start) => ({ ...base, first: 4, rows, start })),
  ),
  ...[0, 5, 25, 30, 31, 40, 200].map((start) => ({ ...base, first: 30, rows: 9, start })),
  ...[0, 60, 127, 131, 132, 300].map((start) => ({ ...real, first: 4, start })),
  { ...real, first: 100, rows: 150 },
];

/** The same edges, in heads that matrix units take. */
const matrixSizes: readonly Size[] = [
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

const nameOf = ({ rows, start, window, ring, kvHeads, group, headDim, sinks, first = 0 }: Size): string =>
  `C=${rows} start=${start} w=${window}${ring === undefined ? "" : ` ring=${ring}`} Hkv=${kvHeads} G=${group} ` +
  `d=${headDim}${sinks ? "" : " no-sinks"}${first > 0 ? ` first=${first}` : ""}`;

/** What a form is held to. */
interface Held<Tuning> {
  readonly form: GpuForm<SlidingWindowShape, SlidingWindowRun, Tuning>;
  readonly title: string;
  readonly tolerance: (traits: DeviceTraits) => number;
  /** Values that are judged together, for heads of so many values and so many of them. */
  readonly per: (headDim: number, queryHeads: number) => number;
}

const ofPortable: Held<SlidingWindowTuning> = {
  form: portable,
  title: "sliding-window",
  tolerance: ({ arithmetic }) => (arithmetic === "f16" ? 5e-3 : 2e-5),
  per: (headDim) => headDim,
};

const ofMatrix: Held<MatrixTuning> = {
  form: matrix,
  title: "matrix sliding-window",
  /** q and P are rounded to 16 bit. */
  tolerance: () => 2e-3,
  per: (headDim, queryHeads) => queryHeads * headDim,
};

const attention = <Tuning>(
  { form, title, tolerance, per }: Held<Tuning>,
  size: Size,
  note = "",
  tuning?: Tuning,
): GpuCheck => ({
  name: `${title} ${nameOf(size)}${note}`,
  form: form.id,
  prepare: (seed, traits) => {
    const { rows, start, window, first = 0, ring = first + window, kvHeads, group, headDim, sinks } = size;
    const queryHeads = kvHeads * group;
    const shape = { queryHeads, kvHeads, headDim, window, first };
    if (!form.fits(shape, traits, tuning)) return { skip: "it does not fit this device" };
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
      op: form.make(shape, traits, tuning),
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
      expected: {
        out: { format: "f32", values: want, tolerance: tolerance(traits), per: per(headDim, queryHeads) },
      },
    });
  },
});

const append = (size: Size): GpuCheck => ({
  name: `ring-append ${nameOf(size)}`,
  prepare: (seed, traits) => {
    const { rows, start, window, kvHeads, headDim, first = 0 } = size;
    const ring = first + window;
    const random = new Random(seed);
    const [k, v] = [1, 2].map(() => roundToHalf(random.normals(kvHeads * rows * headDim)));
    const [ringK, ringV] = [1, 2].map(() => roundToHalf(random.normals(kvHeads * ring * headDim)));
    const after = (before: Float32Array, chunk: Float32Array): Float32Array => {
      const expected = before.slice();
      for (let head = 0; head < kvHeads; head++) {
        for (let row = 0; row < rows; row++) {
          const from = (head * rows + row) * headDim;
          expected.set(
            chunk.subarray(from, from + headDim),
            (head * ring + ringRow(start + row, ring, first)) * headDim,
          );
        }
      }
      return expected;
    };
    const held = (values: Float32Array) => ({ format: "f16", values, tolerance: 0, per: headDim }) as const;
    return checkOf({
      op: ringAppendGpu({ kvHeads, headDim, window, first }, traits),
      run: { rows, start },
      buffers: { k: packHalves(k!), v: packHalves(v!), ringK: packHalves(ringK!), ringV: packHalves(ringV!) },
      expected: { ringK: held(after(ringK!, k!)), ringV: held(after(ringV!, v!)) },
    });
  },
});

export const checks: readonly GpuCheck[] = [
  ...sizes.map((size) => attention(ofPortable, size, " tuning=0")),
  // Heads so narrow that every tuning fits a small device.
  ...[300, 60].flatMap((start) =>
    slidingWindowTunings
      .slice(1)
      .map((tuning, i) => attention(ofPortable, { ...real, start, headDim: 16, group: 4 }, ` tuning=${i + 1}`, tuning)),
  ),
  ...sizes.map(append),
  ...matrixSizes.map((size) => attention(ofMatrix, size)),
  // Narrow heads, so that every tuning fits a small device, and real ones.
  ...matrixWindowTunings.flatMap((tuning) =>
    [300, 60].flatMap((start) =>
      [32, 128].map((headDim) =>
        attention(ofMatrix, { ...real, start, headDim, group: 4 }, ` ${matrixWindowTuningName(tuning)}`, tuning),
      ),
    ),
  ),
];
