import { aroundEdge, type KernelCase } from "../kernel-case.ts";
import { Random } from "../random.ts";
import type { GateFusionInput } from "./gate-fusion.ts";

/** Row counts around a workgroup's worth of heads, both kinds of gate, and gates that are all but shut or open. */
const sizes = (["head", "element"] as const).flatMap((kind) => [
  ...aroundEdge(16).map((rows) => ({ kind, rows, queryHeads: 6, headDim: 8, scale: 1 })),
  ...[2, 64, 128].map((headDim) => ({ kind, rows: 3, queryHeads: 4, headDim, scale: 1 })),
  { kind, rows: 3, queryHeads: 1, headDim: 16, scale: 60 },
]);

export const cases: readonly KernelCase<GateFusionInput>[] = sizes.map(
  ({ kind, rows, queryHeads, headDim, scale }) => ({
    name: `gate-fusion ${kind} C=${rows} Hq=${queryHeads} d=${headDim} scale=${scale}`,
    inputs: (seed) => {
      const random = new Random(seed);
      const values = rows * queryHeads * headDim;
      const gates = kind === "head" ? rows * queryHeads : values;
      return {
        sparse: random.normals(values),
        window: random.normals(values),
        sparseGate: random.normals(gates, scale),
        windowGate: random.normals(gates, scale),
        queryHeads,
        headDim,
        kind,
      };
    },
  }),
);
