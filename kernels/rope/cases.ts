import type { KernelCase } from "../kernel-case.ts";
import { Random } from "../random.ts";
import type { RopeInput } from "./rope.ts";

/** The smallest head, odd halves, the paper's d = 128; positions near 0 and at 1 M, where 32-bit angles lose digits. */
const sizes = [2, 6, 64, 128].flatMap((headDim) =>
  [0, 1, 4095, 1_048_575].flatMap((start) => [1, 3].map((rows) => ({ headDim, start, rows, heads: rows }))),
);

export const cases: readonly KernelCase<RopeInput>[] = sizes.map(({ headDim, start, rows, heads }) => ({
  name: `rope C=${rows} H=${heads} d=${headDim} start=${start}`,
  inputs: (seed) => ({
    x: new Random(seed).normals(rows * heads * headDim),
    heads,
    headDim,
    start,
    base: 640_000,
  }),
}));
