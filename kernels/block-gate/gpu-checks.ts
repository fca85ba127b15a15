import { checkOf, type GpuCheck } from "../gpu-check.ts";
import { packHalves, roundToHalf } from "../half.ts";
import { gateCase, sizes } from "./cases.ts";
import { blockGateGpu } from "./gpu.ts";
import { blockGate } from "./reference.ts";

/** f32 sums in another order, against all values together: a product that cancels has no digits of its own. */
const TOLERANCE = 1e-5;

export const checks: readonly GpuCheck[] = sizes.map(gateCase).map(({ name, inputs }) => ({
  name,
  prepare: (seed, traits) => {
    const drawn = inputs(seed);
    const { queries, queryHeads, kvHeads, headDim, block, start } = drawn;
    const rows = queries.length / (queryHeads * headDim);
    const values = blockGate({ ...drawn, means: roundToHalf(drawn.means) });
    return checkOf({
      op: blockGateGpu({ queryHeads, kvHeads, headDim, block }, traits),
      run: { rows, start, room: drawn.means.length / (kvHeads * headDim) },
      buffers: { q: Float32Array.from(queries), means: packHalves(drawn.means), scores: { bytes: 4 * values.length } },
      expected: { scores: { format: "f32", values, tolerance: TOLERANCE, per: values.length } },
    });
  },
}));
