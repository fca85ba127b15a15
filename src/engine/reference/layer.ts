import { linear } from "../../../kernels/linear/reference.ts";
import { rmsnorm } from "../../../kernels/rmsnorm/reference.ts";
import { swiglu } from "../../../kernels/swiglu/reference.ts";
import { mixerOf } from "../decoder/mixers.ts";
import { MIXERS } from "./mixers.ts";
import { project } from "./project.ts";
import type { LayerStep } from "./step.ts";

/**
 * One pre-norm layer (HySparse, arXiv 2602.03560, section 3) over one chunk: h += o_proj(attention(norm h)), then
 * h += down(silu(gate norm h) * up norm h). Returns the new hidden states [C, E].
 */
export function runLayer(step: LayerStep): Float64Array {
  const { architecture: a, role, weights, hidden, timed } = step;
  const projected = timed("project", () => project(step));
  step.onProjected?.(projected.queries, projected.rows);
  const mixed = timed("attend", () => mixerOf(MIXERS, role.mixer)(step, projected));
  const attended = timed("output", () =>
    add(hidden, linear({ x: mixed(), weight: weights.o, inputs: a.queryHeads * a.headDim })),
  );
  return timed("mlp", () => {
    const x = rmsnorm({ x: attended, weight: weights.postNorm, eps: a.normEps });
    const gate = linear({ x, weight: weights.gate, inputs: a.hidden });
    const up = linear({ x, weight: weights.up, inputs: a.hidden });
    return add(attended, linear({ x: swiglu({ gate, up }), weight: weights.down, inputs: a.intermediate }));
  });
}

/** The residual connection. */
function add(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value + b[i]!);
}
