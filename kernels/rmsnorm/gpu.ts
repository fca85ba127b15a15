import { singleOp, spreadDispatch, type DeviceTraits, type GpuOp, type GpuProgram } from "../gpu-op.ts";

export interface RmsnormShape {
  /** E; a multiple of 4. */
  readonly hidden: number;
  readonly eps: number;
}

/** Invocations per workgroup; a team of them takes a row. */
const WIDTH = 256;
/** Vectors of four per lane that smaller teams may reach, and that a lane can keep in registers. */
const VECTORS_EACH = 4;
const KEPT = 16;

/** Buffers: x [C, E], weight [E], y [C, E]; all f32. */
export function rmsnormGpu({ hidden, eps }: RmsnormShape, traits: DeviceTraits): GpuOp<{ readonly rows: number }> {
  const team = [32, 64, 128].find((lanes) => hidden <= lanes * 4 * VECTORS_EACH) ?? WIDTH;
  const teams = WIDTH / team;
  const program: GpuProgram = {
    name: "rmsnorm/row_sum",
    sources: ["rmsnorm/row_sum.wgsl"],
    constants: { HIDDEN: hidden, TEAM: team, TEAMS: teams, KEEP: hidden <= team * 4 * KEPT },
    bindings: { x: "read", weight: "read", y: "read_write" },
    params: { rows: "u32", stride: "u32", eps: "f32" },
  };
  return singleOp(program, ({ rows }) => spreadDispatch(program, traits, Math.ceil(rows / teams), { rows, eps }));
}
