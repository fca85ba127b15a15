import type { KernelCase } from "../kernel-case.ts";
import { Random } from "../random.ts";
import type { HeadNormInput } from "./head-norm.ts";

/** Heads narrower and wider than a team, one and several rows, columns behind v; a bias, norms, and both. */
const sizes = [
  { queryHeads: 1, kvHeads: 1, headDim: 4, extra: 0, rows: 1 },
  { queryHeads: 6, kvHeads: 2, headDim: 12, extra: 12, rows: 17 },
  { queryHeads: 3, kvHeads: 3, headDim: 64, extra: 7, rows: 5 },
  { queryHeads: 4, kvHeads: 1, headDim: 128, extra: 0, rows: 33 },
  { queryHeads: 2, kvHeads: 1, headDim: 260, extra: 3, rows: 9 },
].flatMap((size) => [
  { ...size, biased: true, normed: false },
  { ...size, biased: false, normed: true },
  { ...size, biased: true, normed: true },
]);

export const cases: readonly KernelCase<HeadNormInput>[] = sizes.map(
  ({ queryHeads, kvHeads, headDim, extra, rows, biased, normed }) => ({
    name:
      `head-norm C=${rows} Hq=${queryHeads} Hkv=${kvHeads} d=${headDim} extra=${extra}` +
      `${biased ? " bias" : ""}${normed ? " norm" : ""}`,
    inputs: (seed) => {
      const random = new Random(seed);
      const own = (queryHeads + 2 * kvHeads) * headDim;
      return {
        projected: random.normals(rows * (own + extra)),
        ...{ rows, queryHeads, kvHeads, headDim, eps: 1e-6 },
        ...(biased ? { bias: random.normals(own, 3) } : {}),
        ...(normed ? { norm: random.normals(2 * headDim, 0.2, 1) } : {}),
      };
    },
  }),
);
