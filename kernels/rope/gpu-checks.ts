import { checkOf, type GpuCheck } from "../gpu-check.ts";
import { packHalves } from "../half.ts";
import { Random } from "../random.ts";
import { ropeSplitGpu, ropeTables } from "./gpu.ts";
import { rope } from "./reference.ts";

/** Angles are exact; cosines, sines and the turn round in f32. */
const TOLERANCE = 1e-6;
/** k and v are rounded to 11 bits. */
const HALF_TOLERANCE = 6e-4;
const BASE = 640_000;
/** Scaled contexts divide frequencies and may raise cosines and sines. */
const FACTORS = { factor: 3.5, scale: 1.25 };
/** Rows of the cache around those written. */
const MARGIN = 3;

/** Odd numbers of pairs of pairs, both presets' heads, one and several rows, and positions up to a million. */
const sizes = [
  { queryHeads: 1, kvHeads: 1, headDim: 4, extra: 0, rows: 1, start: 0, scaled: false },
  { queryHeads: 6, kvHeads: 2, headDim: 12, extra: 12, rows: 17, start: 250, scaled: true },
  { queryHeads: 3, kvHeads: 1, headDim: 20, extra: 7, rows: 5, start: 4095, scaled: false },
  { queryHeads: 6, kvHeads: 2, headDim: 64, extra: 12, rows: 33, start: 1_048_570 - 33, scaled: false },
  { queryHeads: 8, kvHeads: 2, headDim: 128, extra: 16, rows: 3, start: 1_048_573, scaled: false },
  { queryHeads: 64, kvHeads: 4, headDim: 128, extra: 128, rows: 2, start: 131_071, scaled: true },
  { queryHeads: 2, kvHeads: 1, headDim: 256, extra: 1024, rows: 9, start: 511, scaled: false },
];

export const checks: readonly GpuCheck[] = sizes.map(
  ({ queryHeads, kvHeads, headDim, extra, rows, start, scaled }) => ({
    name: `rope split C=${rows} Hq=${queryHeads} Hkv=${kvHeads} d=${headDim} extra=${extra} start=${start}${scaled ? " scaled" : ""}`,
    prepare: (seed, traits) => {
      const random = new Random(seed);
      const width = (queryHeads + 2 * kvHeads) * headDim + extra;
      const projected = random.normals(rows * width);
      const columns = (first: number, heads: number): Float32Array => {
        const part = new Float32Array(rows * heads * headDim);
        for (let row = 0; row < rows; row++) {
          const from = row * width + first * headDim;
          part.set(projected.subarray(from, from + heads * headDim), row * heads * headDim);
        }
        return part;
      };
      const room = rows + 2 * MARGIN;
      /** [C, Hkv, d] -> [Hkv, room, d] */
      const filed = (values: ArrayLike<number>): Float64Array => {
        const cache = new Float64Array(kvHeads * room * headDim);
        for (let row = 0; row < rows; row++) {
          for (let i = 0; i < kvHeads * headDim; i++) {
            const head = Math.floor(i / headDim);
            cache[(head * room + MARGIN + row) * headDim + (i % headDim)] = values[row * kvHeads * headDim + i]!;
          }
        }
        return cache;
      };
      const isFiled = (index: number): boolean => {
        const row = Math.floor(index / headDim) % room;
        return row >= MARGIN && row < MARGIN + rows;
      };
      const turn = {
        base: BASE,
        ...(scaled
          ? { factors: Array.from({ length: headDim / 2 }, (_, i) => 1 + i * FACTORS.factor), scale: FACTORS.scale }
          : {}),
      };
      const position = { headDim, start, ...turn };
      const q = rope({ x: columns(0, queryHeads), heads: queryHeads, ...position });
      const k = rope({ x: columns(queryHeads, kvHeads), heads: kvHeads, ...position });
      const cached = { format: "f16", tolerance: HALF_TOLERANCE, per: headDim, judged: isFiled } as const;
      return checkOf({
        op: ropeSplitGpu({ queryHeads, kvHeads, headDim, extra }, traits),
        run: { rows, start, room, firstRow: MARGIN },
        buffers: {
          projected,
          ...ropeTables(headDim, turn, start + rows),
          q: { bytes: q.length * 4 },
          k: packHalves(random.normals(kvHeads * room * headDim)),
          v: packHalves(random.normals(kvHeads * room * headDim)),
        },
        expected: {
          q: { format: "f32", values: q, tolerance: TOLERANCE, per: headDim },
          k: { values: filed(k), ...cached },
          v: { values: filed(columns(queryHeads + kvHeads, kvHeads)), ...cached },
        },
      });
    },
  }),
);
