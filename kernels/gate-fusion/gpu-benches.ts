import { benchOf, type GpuBenchCase } from "../gpu-check.ts";
import { gateFusionGpu } from "./gpu.ts";

const queryHeads = 32;
const headDim = 128;
/** q, k and v of 7B stand before the gates. */
const gateOffset = 48 * headDim;

export const benches: readonly GpuBenchCase[] = (["head", "element"] as const).flatMap((gate) =>
  [2048, 1].map((rows) => ({
    name: `gate-fusion 7B ${gate} C=${rows}`,
    prepare: (traits) => {
      const values = rows * queryHeads * headDim;
      const logits = 2 * (gate === "head" ? queryHeads : queryHeads * headDim);
      const projectedWidth = gateOffset + logits;
      return benchOf({
        op: gateFusionGpu({ queryHeads, headDim, gate, projectedWidth, gateOffset }, traits),
        run: { rows },
        buffers: {
          sparse: { values, format: "f32" },
          window: { values, format: "f32" },
          projected: { values: rows * projectedWidth, format: "f32" },
          out: { bytes: values * 4 },
        },
        flops: 3 * values + 4 * rows * logits,
        bytes: 4 * (3 * values + rows * logits),
      });
    },
  })),
);
