import { singleOp, spreadDispatch, type DeviceTraits, type GpuOp, type GpuProgram } from "../gpu-op.ts";

export interface HeadNormShape {
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Columns of a projected row after q, k and v. */
  readonly extra: number;
  readonly bias: boolean;
  readonly norm: boolean;
  readonly eps: number;
}

/** Invocations that share a head, and heads of a workgroup. */
const TEAM = 32;
const TEAMS = 8;

/**
 * Buffers, all f32: projected [C, (Hq + 2 Hkv) d + extra], changed in place; weight, of what there is: the bias
 * [(Hq + 2 Hkv) d], then the weights of q's norm and of k's, [2, d].
 */
export function headNormGpu(
  { queryHeads, kvHeads, headDim, extra, bias, norm, eps }: HeadNormShape,
  traits: DeviceTraits,
): GpuOp<{ readonly rows: number }> {
  const program: GpuProgram = {
    name: "head-norm/teams",
    sources: ["head-norm/teams.wgsl"],
    constants: {
      ...{ QUERY_HEADS: queryHeads, KV_HEADS: kvHeads, HEAD_DIM: headDim, EXTRA: extra },
      ...{ TEAM, TEAMS, BIAS: bias, NORM: norm },
    },
    bindings: { projected: "read_write", weight: "read" },
    params: { rows: "u32", stride: "u32", eps: "f32" },
  };
  return singleOp(program, ({ rows }) =>
    spreadDispatch(program, traits, Math.ceil((rows * (queryHeads + 2 * kvHeads)) / TEAMS), { rows, eps }),
  );
}
