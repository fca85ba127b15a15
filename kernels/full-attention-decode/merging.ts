import { boundByName, type GpuDispatch, type GpuProgram } from "../gpu-op.ts";

const MERGE_QUADS = 8;
const MERGE_ROWS = 32;
/** Query heads of a group that one invocation of finish_scores.wgsl joins at most. */
const HEADS_JOINED = 64;

/** The dispatch after the splits: partial results joined and, where maxima were left, block scores made of them. */
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
  const heads = Math.min(group, HEADS_JOINED);
  const width = MERGE_QUADS * MERGE_ROWS;
  const shared = { GROUP: group, HEAD_DIM: headDim, MERGE_QUADS, MERGE_ROWS };
  const merge: GpuProgram = {
    name: "full-attention-decode/merge_splits",
    sources: ["attention/merge_partials.wgsl", "full-attention-decode/merge_splits.wgsl"],
    constants: shared,
    bindings: { partial: "read", sums: "read", out: "read_write" },
    params: { splits: "u32" },
  };
  const both: GpuProgram = {
    name: "full-attention-decode/merge_splits_and_scores",
    sources: [
      "attention/merge_partials.wgsl",
      "full-attention-decode/finish_scores.wgsl",
      "full-attention-decode/merge_splits_and_scores.wgsl",
    ],
    constants: {
      ...shared,
      QUERY_HEADS: queryHeads,
      HEADS: heads,
      ROWS: 2 ** Math.floor(Math.log2(width / heads)),
      TILE_PARTS: tileParts,
    },
    bindings: { partial: "read", sums: "read", maxima: "read", out: "read_write", scores: "read_write" },
    params: { splits: "u32", blocks: "u32", parts: "u32" },
  };
  const program = scores ? both : merge;
  const merges = Math.ceil(headDim / 4 / MERGE_QUADS);
  return {
    programs: [program],
    dispatches: ({ splits, blocks, parts }) => [
      {
        program,
        buffers: boundByName(program),
        params: scores ? { splits, blocks, parts } : { splits },
        workgroups: scores
          ? [merges * queryHeads + kvHeads * Math.ceil(blocks / width), 1, 1]
          : [merges, queryHeads, 1],
      },
    ],
  };
}
