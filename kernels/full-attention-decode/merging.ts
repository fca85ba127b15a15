import type { GpuDispatch, GpuProgram } from "../gpu-op.ts";

const MERGE_QUADS = 8;
const MERGE_ROWS = 32;
const SCORE_WIDTH = 256;
/** Query heads of a group that one invocation of finish_scores.wgsl joins at most. */
const HEADS_JOINED = 64;

/** The dispatches after the splits: partial results joined and, where maxima were left, block scores made of them. */
export interface Merging {
  readonly programs: readonly GpuProgram[];
  dispatches(sizes: { readonly splits: number; readonly blocks: number; readonly parts: number }): GpuDispatch[];
}

export interface MergingShape {
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly scores: boolean;
}

/** @param tileParts maxima that a block has at most: more than one where it is larger than a tile of keys */
export function merging({ queryHeads, kvHeads, headDim, scores }: MergingShape, tileParts: number): Merging {
  const group = queryHeads / kvHeads;
  const merge: GpuProgram = {
    name: "full-attention-decode/merge_splits",
    sources: ["full-attention-decode/merge_partials.wgsl", "full-attention-decode/merge_splits.wgsl"],
    constants: { GROUP: group, HEAD_DIM: headDim, MERGE_QUADS, MERGE_ROWS },
    bindings: { partial: "read", sums: "read", out: "read_write" },
    params: { splits: "u32" },
  };
  const heads = Math.min(group, HEADS_JOINED);
  const finish: GpuProgram = {
    name: "full-attention-decode/finish_scores",
    sources: ["full-attention-decode/finish_scores.wgsl"],
    constants: {
      WIDTH: SCORE_WIDTH,
      GROUP: group,
      HEADS: heads,
      ROWS: 2 ** Math.floor(Math.log2(SCORE_WIDTH / heads)),
      TILE_PARTS: tileParts,
    },
    bindings: { maxima: "read", sums: "read", scores: "read_write" },
    params: { splits: "u32", blocks: "u32", parts: "u32" },
  };
  return {
    programs: scores ? [merge, finish] : [merge],
    dispatches: ({ splits, blocks, parts }) => {
      const joined: GpuDispatch = {
        program: merge,
        buffers: { partial: "partial", sums: "sums", out: "out" },
        params: { splits },
        workgroups: [Math.ceil(headDim / 4 / MERGE_QUADS), queryHeads, 1],
      };
      if (!scores) return [joined];
      return [
        joined,
        {
          program: finish,
          buffers: { maxima: "maxima", sums: "sums", scores: "scores" },
          params: { splits, blocks, parts },
          workgroups: [Math.ceil(blocks / SCORE_WIDTH), kvHeads, 1],
        },
      ];
    },
  };
}
