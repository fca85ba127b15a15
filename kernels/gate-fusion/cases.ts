import { aroundEdge, type KernelCase } from "../kernel-case.ts";
import { Random } from "../random.ts";
import type { GateFusionInput } from "./gate-fusion.ts";

/**
 * Row counts around a workgroup's worth of heads, both kinds of gate, gates that are all but shut or open, and gates so
 * far shut (e^-150) that float32 holds nothing but zero.
 */
const sizes = (["head", "element"] as const).flatMap((kind) => [
  ...aroundEdge(16).map((rows) => ({ kind, rows, queryHeads: 6, headDim: 8, scale: 1, mean: 0 })),
  ...[2, 64, 128].map((headDim) => ({ kind, rows: 3, queryHeads: 4, headDim, scale: 1, mean: 0 })),
  { kind, rows: 3, queryHeads: 1, headDim: 16, scale: 60, mean: 0 },
  { kind, rows: 3, queryHeads: 1, headDim: 16, scale: 1, mean: -150 },
]);

export const cases: readonly KernelCase<GateFusionInput>[] = sizes.map(
  ({ kind, rows, queryHeads, headDim, scale, mean }) => ({
    name: `gate-fusion ${kind} C=${rows} Hq=${queryHeads} d=${headDim} scale=${scale} mean=${mean}`,
    inputs: (seed) => {
      const random = new Random(seed);
      const values = rows * queryHeads * headDim;
      const gates = kind === "head" ? rows * queryHeads : values;
      return {
        sparse: random.normals(values),
        window: random.normals(values),
        sparseGate: random.normals(gates, scale, mean),
        windowGate: random.normals(gates, scale, mean),
        queryHeads,
        headDim,
        kind,
      };
    },
  }),
);
