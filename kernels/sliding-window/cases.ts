import { aroundEdge, poisonRoom, type KernelCase, type CaseChunk } from "../kernel-case.ts";
import { Random } from "../random.ts";
import type { SlidingWindowInput } from "./sliding-window.ts";

interface Size extends CaseChunk {
  readonly window: number;
  readonly sinks: boolean;
  /** F */
  readonly first?: number;
  /** Reserved rows beyond the last key, filled with NaN. */
  readonly spare: number;
}

const base: Size = { rows: 5, start: 20, window: 8, kvHeads: 2, group: 2, headDim: 16, sinks: true, spare: 0 };

const sizes: readonly Size[] = [
  ...[1, 8, 16].flatMap((window) => aroundEdge(window).map((rows) => ({ ...base, window, rows, start: 0 }))),
  // A decode step and a chunk around the point where the window begins to slide.
  ...[1, 5].flatMap((rows) => [6, 7, 8, 9, 16].map((start) => ({ ...base, rows, start }))),
  ...[1, 2, 3, 4, 8].map((group) => ({ ...base, group })),
  ...[2, 64, 128].map((headDim) => ({ ...base, headDim })),
  { ...base, window: 128, rows: 131, start: 0 },
  { ...base, window: 100, rows: 7, start: 0 },
  { ...base, sinks: false },
  { ...base, spare: 3 },
  // First tokens: before the window slides past them, while it does, after; more of them than keys; in the chunk or before.
  ...[1, 4, 30].flatMap((first) =>
    [0, 1, 4, 7, 8, 11, 12, 13, 40].flatMap((start) => [1, 9].map((rows) => ({ ...base, first, start, rows }))),
  ),
  { ...base, first: 70, window: 70, rows: 150, start: 90 },
];

export const cases: readonly KernelCase<SlidingWindowInput>[] = sizes.map((size) => {
  const { rows, start, window, kvHeads, group, headDim, sinks, first = 0, spare } = size;
  const queryHeads = kvHeads * group;
  const from = Math.max(first, start - window + 1);
  const used = Math.min(first, start + rows) + Math.max(0, start + rows - from);
  return {
    name:
      `sliding-window C=${rows} start=${start} w=${window} Hkv=${kvHeads} G=${group} d=${headDim} ` +
      `sinks=${sinks ? "yes" : "no"}${first > 0 ? ` first=${first}` : ""} spare=${spare}`,
    inputs: (seed) => {
      const random = new Random(seed);
      const cache = (): Float32Array =>
        poisonRoom(random.normals(kvHeads * (used + spare) * headDim), kvHeads, used + spare, used, headDim);
      return {
        queries: random.normals(rows * queryHeads * headDim),
        keys: cache(),
        values: cache(),
        from,
        ...(first > 0 ? { first } : {}),
        sinks: sinks ? random.normals(queryHeads) : new Float32Array(queryHeads).fill(-Infinity),
        queryHeads,
        kvHeads,
        headDim,
        window,
        start,
      };
    },
  };
});
