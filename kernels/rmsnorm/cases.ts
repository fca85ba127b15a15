import { aroundEdge, type KernelCase } from "../kernel-case.ts";
import { Random } from "../random.ts";
import type { RmsnormInput } from "./rmsnorm.ts";

/** Widths around a subgroup of 32 and a workgroup of 256; rows so small that eps decides, and so large that squares grow. */
const sizes = [...aroundEdge(32), ...aroundEdge(256)].flatMap((width) =>
  [1, 5].flatMap((rows) => [1e-3, 1, 1e4].map((scale) => ({ width, rows, scale }))),
);

export const cases: readonly KernelCase<RmsnormInput>[] = sizes.map(({ width, rows, scale }) => ({
  name: `rmsnorm C=${rows} E=${width} scale=${scale}`,
  inputs: (seed) => {
    const random = new Random(seed);
    return { x: random.normals(rows * width, scale), weight: random.normals(width, 0.2, 1), eps: 1e-6 };
  },
}));
