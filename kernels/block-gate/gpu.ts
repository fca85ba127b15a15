import { spreadDispatch, type DeviceTraits, type GpuOp, type GpuProgram } from "../gpu-op.ts";

export interface BlockGateShape {
  readonly queryHeads: number;
  readonly kvHeads: number;
  /** d; a multiple of 4. */
  readonly headDim: number;
  /** B */
  readonly block: number;
}

export interface BlockGateRun {
  /** C */
  readonly rows: number;
  /** Position of the first query. */
  readonly start: number;
  /** Blocks that `means` has room for. */
  readonly room: number;
}

const WIDTH = 64;
/** Queries and blocks of an invocation; single queries have enough blocks alone. */
const TILE = { ROWS: 4, BLOCKS: 4 };

/** Buffers: q f32 [C, Hq, d]; means halves [Hkv, room, d]; scores f32 [C, Hq, ceil((start + C) / B)]. */
export function blockGateGpu(
  { queryHeads, kvHeads, headDim, block }: BlockGateShape,
  traits: DeviceTraits,
): GpuOp<BlockGateRun> {
  const programOf = (tile: typeof TILE): GpuProgram => ({
    name: "block-gate/gate_scores",
    sources: ["block-gate/gate_scores.wgsl"],
    constants: {
      ...{ QUERY_HEADS: queryHeads, GROUP: queryHeads / kvHeads, HEAD_DIM: headDim, BLOCK: block, WIDTH },
      ...tile,
    },
    bindings: { q: "read", means: "read", scores: "read_write" },
    params: { rows: "u32", start: "u32", room: "u32", blocks: "u32", stride: "u32" },
  });
  const forms = { many: TILE, one: { ROWS: 1, BLOCKS: 1 } };
  const [many, one] = [programOf(forms.many), programOf(forms.one)];
  return {
    programs: [many, one],
    scratch: () => ({}),
    dispatches: ({ rows, start, room }) => {
      const { ROWS, BLOCKS } = rows === 1 ? forms.one : forms.many;
      const blocks = Math.ceil((start + rows) / block);
      const invocations = Math.ceil(rows / ROWS) * queryHeads * Math.ceil(blocks / BLOCKS);
      const workgroups = Math.ceil(invocations / WIDTH);
      return [spreadDispatch(rows === 1 ? one : many, traits, workgroups, { rows, start, room, blocks })];
    },
  };
}
