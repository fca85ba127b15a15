import { aroundEdge, type KernelCase } from "../kernel-case.ts";
import { Random } from "../random.ts";
import type { LinearInput } from "./linear.ts";

/** Each of the three sides around a matrix tile of 16 while the others stand on either side of it; and a decode shape. */
const sizes = [
  ...aroundEdge(16).map((rows) => ({ rows, inputs: 33, outputs: 15 })),
  ...aroundEdge(16).map((inputs) => ({ rows: 17, inputs, outputs: 33 })),
  ...aroundEdge(16).map((outputs) => ({ rows: 15, inputs: 16, outputs })),
  { rows: 1, inputs: 512, outputs: 257 },
];

export const cases: readonly KernelCase<LinearInput>[] = sizes.map(({ rows, inputs, outputs }) => ({
  name: `linear C=${rows} In=${inputs} Out=${outputs}`,
  inputs: (seed) => {
    const random = new Random(seed);
    return { x: random.normals(rows * inputs), weight: random.normals(outputs * inputs, inputs ** -0.5), inputs };
  },
}));
