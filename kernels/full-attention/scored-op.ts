import { spreadDispatch, type DeviceTraits, type GpuDispatch, type GpuOp, type GpuProgram } from "../gpu-op.ts";
import type { FullAttentionRun, FullAttentionShape } from "./shape.ts";

/** Raw block maxima take no more than this; a call that would need more is run as several over fewer queries. */
const RAW_BYTES = 2 ** 30;
/** Queries and blocks that a workgroup of rescale_maxima.wgsl takes. */
const RESCALED = 16;
const FLOAT = 4;
const SCRATCH = { raw: "attention-raw", statistics: "attention-statistics" } as const;

/** Parameters that every program of the op has. */
const COMMON: GpuProgram["params"] = {
  ...{ first: "u32", rows: "u32", start: "u32", stride: "u32" },
  ...{ kv_heads: "u32", group: "u32", blocks: "u32", block: "u32" },
};

/** Bindings of a program that attends, and its parameters beside what its form needs. */
export const attending = (scores: boolean): Pick<GpuProgram, "bindings" | "params"> => ({
  bindings: {
    ...{ q: "read", k: "read", v: "read", out: "read_write" },
    ...(scores ? { raw: "read_write", statistics: "read_write" } : {}),
  },
  params: { ...COMMON, room: "u32", scale: "f32" },
});

const rescale: GpuProgram = {
  name: "full-attention/rescale_maxima",
  sources: ["full-attention/rescale_maxima.wgsl"],
  constants: {},
  bindings: { raw: "read", statistics: "read", scores: "read_write" },
  params: COMMON,
};

/** A program that attends, and leaves raw block maxima where scores are wanted. */
export interface Attending {
  readonly program: GpuProgram;
  /** (query, head) rows of a workgroup. */
  readonly rows: number;
  /** Parameters of the program beside those that every form has. */
  readonly params: Readonly<Record<string, number>>;
}

/**
 * The most queries whose raw block maxima over `tokens` keys fit the scratch at once, at least 1; a call of more is run
 * in portions of equal size.
 */
export function largestRowsScored(shape: FullAttentionShape, tokens: number, traits: DeviceTraits): number {
  const perQuery = shape.queryHeads * Math.ceil(tokens / shape.block) * FLOAT;
  return Math.max(1, Math.floor(Math.min(RAW_BYTES, traits.maxBindingBytes) / perQuery));
}

/** What all forms of the op have in common: portions of queries, scratch, and the pass that turns maxima into scores. */
export function scoredOp(
  shape: FullAttentionShape,
  traits: DeviceTraits,
  { program, rows: tileRows, params }: Attending,
): GpuOp<FullAttentionRun> {
  const { queryHeads, kvHeads, headDim, block, scores } = shape;
  const group = queryHeads / kvHeads;
  /** Queries per dispatch. */
  const portion = ({ rows, start }: FullAttentionRun): number =>
    scores ? Math.ceil(rows / Math.ceil(rows / largestRowsScored(shape, start + rows, traits))) : rows;
  return {
    programs: scores ? [program, rescale] : [program],
    scratch: (run) => {
      if (!scores) return {};
      const rows = portion(run) * queryHeads;
      return {
        [SCRATCH.raw]: rows * Math.ceil((run.start + run.rows) / block) * FLOAT,
        [SCRATCH.statistics]: rows * 2 * FLOAT,
      };
    },
    dispatches: (run) => {
      const blocks = Math.ceil((run.start + run.rows) / block);
      const most = portion(run);
      const dispatches: GpuDispatch[] = [];
      for (let first = 0; first < run.rows; first += most) {
        const rows = Math.min(most, run.rows - first);
        const start = run.start + first;
        const tiles = Math.ceil((rows * group) / tileRows) * kvHeads;
        const common = { first, rows, start, kv_heads: kvHeads, group, blocks, block };
        const own = { ...params, room: run.room, scale: Math.LOG2E / Math.sqrt(headDim) };
        dispatches.push(spreadDispatch(program, traits, tiles, { ...common, ...own }, SCRATCH));
        if (!scores) continue;
        const turned = Math.ceil(blocks / RESCALED) * Math.ceil(rows / RESCALED) * kvHeads;
        dispatches.push(spreadDispatch(rescale, traits, turned, common, SCRATCH));
      }
      return dispatches;
    },
  };
}
