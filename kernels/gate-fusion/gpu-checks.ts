import { checkOf, type GpuCheck } from "../gpu-check.ts";
import { Random } from "../random.ts";
import { cases } from "./cases.ts";
import { gateFusionGpu } from "./gpu.ts";
import { gateFusion } from "./reference.ts";

/** Of gates nearly shut: e^-60 carries 60 times the rounding of its exponent. */
const TOLERANCE = 1e-5;

/** Columns before and after the gates, so that no logit is aligned and rows do not touch. */
const margins = [
  { before: 0, after: 0 },
  { before: 13, after: 2 },
];

export const checks: readonly GpuCheck[] = cases.flatMap(({ name, inputs }) =>
  margins.map(({ before, after }) => ({
    name: `${name} columns=${before}+gates+${after}`,
    prepare: (seed, traits) => {
      const input = inputs(seed);
      const { sparse, window, sparseGate, windowGate, queryHeads, headDim, kind } = input;
      if (headDim % 4 !== 0) return { skip: `d = ${headDim} is no multiple of 4` };
      const rows = sparse.length / (queryHeads * headDim);
      const logits = sparseGate.length / rows;
      const projectedWidth = before + 2 * logits + after;
      const projected = new Random(seed).normals(rows * projectedWidth);
      for (let row = 0; row < rows; row++) {
        const at = row * projectedWidth + before;
        projected.set(sparseGate.subarray(row * logits, (row + 1) * logits), at);
        projected.set(windowGate.subarray(row * logits, (row + 1) * logits), at + logits);
      }
      const values = gateFusion(input);
      return checkOf({
        op: gateFusionGpu({ queryHeads, headDim, gate: kind, projectedWidth, gateOffset: before }, traits),
        run: { rows },
        buffers: {
          sparse: Float32Array.from(sparse),
          window: Float32Array.from(window),
          projected,
          out: { bytes: values.length * 4 },
        },
        expected: { out: { format: "f32", values, tolerance: TOLERANCE, per: headDim } },
      });
    },
  })),
);
