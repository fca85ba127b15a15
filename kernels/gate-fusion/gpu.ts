import { singleOp, spreadDispatch, type DeviceTraits, type GpuOp, type GpuProgram } from "../gpu-op.ts";

export interface GateFusionShape {
  readonly queryHeads: number;
  /** d; a multiple of 4. */
  readonly headDim: number;
  /** One logit per query head and branch, or one per value and branch. */
  readonly gate: "head" | "element";
  /** Columns of a projected row. */
  readonly projectedWidth: number;
  /** Column of the sparse branch's first logit; the window branch's follow its last one. */
  readonly gateOffset: number;
}

const WIDTH = 256;

/**
 * out = sigmoid(sparse gate) * sparse + sigmoid(window gate) * window.
 *
 * Buffers, all f32: sparse, window, out [C, Hq, d]; projected [C, projectedWidth].
 */
export function gateFusionGpu(
  { queryHeads, headDim, gate, projectedWidth, gateOffset }: GateFusionShape,
  traits: DeviceTraits,
): GpuOp<{ readonly rows: number }> {
  if (headDim % 4 !== 0) throw new Error(`d = ${headDim} is no multiple of 4`);
  const logits = gate === "head" ? queryHeads : queryHeads * headDim;
  if (gateOffset + 2 * logits > projectedWidth) {
    throw new Error(`two gates of ${logits} logits from column ${gateOffset} exceed rows of ${projectedWidth}`);
  }
  const program: GpuProgram = {
    name: "gate-fusion/two_gates",
    sources: ["gate-fusion/two_gates.wgsl"],
    constants: {
      QUERY_HEADS: queryHeads,
      HEAD_DIM: headDim,
      PER_ELEMENT: gate === "element",
      PROJECTED: projectedWidth,
      GATES: gateOffset,
      WIDTH,
    },
    bindings: { sparse: "read", window: "read", projected: "read", out: "read_write" },
    params: { rows: "u32", stride: "u32" },
  };
  return singleOp(program, ({ rows }) =>
    spreadDispatch(program, traits, Math.ceil((rows * queryHeads * headDim) / (4 * WIDTH)), { rows }),
  );
}
