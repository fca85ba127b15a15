import { boundByName, spreadDispatch, type DeviceTraits, type GpuOp, type GpuProgram } from "../gpu-op.ts";
import { listsOf, tileForm, type BlockSparseRun, type BlockSparseShape, type BlockSparseTuning } from "./tuning.ts";

export { blockDispatchGpu, planBytes } from "./plan.ts";

const MERGE_WIDTH = 256;

/** What a kernel that attends to the tiles of a plan is bound to, and the op's buffers that go by other names. */
export const TILE_BINDINGS: GpuProgram["bindings"] = {
  ...{ q: "read", k: "read", v: "read", pairs: "read", tiles: "read", args: "read" },
  ...{ partials: "read_write", log_sums: "read_write" },
};
export const TILE_NAMES = { pairs: "planPairs", tiles: "planTiles", args: "planArgs", log_sums: "logSums" } as const;

export interface BlockSparseCall extends BlockSparseRun {
  /** T: rows of the cache per KV head, used or not. */
  readonly room: number;
}

/**
 * Block-sparse attention of many queries, from a plan of blockDispatchGpu made with the same shape, tuning, rows, start
 * and firstRow.
 *
 * Buffers: q f32 [C, Hq, d], rotated, unscaled; k, v halves [Hkv, room, d]; blocks u32 [>= firstRow + C, lists, k/B];
 * planPairs, planTiles, planArgs; sinks f32 [Hq], minus infinity for none; out f32 [C, Hq, d].
 */
export function blockSparseGpu(
  shape: BlockSparseShape,
  traits: DeviceTraits,
  tuning?: BlockSparseTuning,
): GpuOp<BlockSparseCall> {
  const { queryHeads, kvHeads, headDim, block, slots } = shape;
  const form = tileForm(shape, traits, tuning);
  const shared = {
    LISTS: listsOf(shape),
    GROUP: form.group,
    HEAD_DIM: headDim,
    BLOCK: block,
    SLOTS: slots,
    KEYS: form.keys,
    PARTS: form.parts,
    WIDE_PARTIALS: form.partials === "f32",
  };
  const tile: GpuProgram = {
    name: "block-sparse-attention/gathered_tile",
    sources: [`block-sparse-attention/octets_${traits.arithmetic}.wgsl`, "block-sparse-attention/gathered_tile.wgsl"],
    constants: {
      ...shared,
      ROWS: form.rows,
      DEPTH: form.depth,
      CHUNK: form.chunk,
      GROUP_TILE: form.groupTile,
      SHARES: form.shares,
      LISTS_PER_KV_HEAD: listsOf(shape) / kvHeads,
    },
    bindings: TILE_BINDINGS,
    params: { start: "u32", rows: "u32", room: "u32", scale: "f32" },
  };
  const merge: GpuProgram = {
    name: "block-sparse-attention/merge_partials",
    sources: ["block-sparse-attention/merge_partials.wgsl"],
    constants: { ...shared, WIDTH: MERGE_WIDTH },
    bindings: { partials: "read", log_sums: "read", blocks: "read", sinks: "read", out: "read_write" },
    params: { rows: "u32", start: "u32", first_row: "u32", stride: "u32" },
  };
  const scale = Math.LOG2E / Math.sqrt(headDim);
  return {
    programs: [tile, merge],
    scratch: ({ rows }) => {
      const { partials, logSums } = bytesPerRow(shape, traits, tuning);
      return { partials: rows * partials, logSums: rows * logSums };
    },
    dispatches: ({ rows, start, firstRow, room }) => {
      const merges = Math.ceil((rows * queryHeads * Math.ceil(headDim / 8)) / MERGE_WIDTH);
      return [
        {
          program: tile,
          buffers: boundByName(tile, TILE_NAMES),
          params: { start, rows, room, scale },
          workgroups: { indirect: "planArgs", offset: 0 },
        },
        spreadDispatch(merge, traits, merges, { rows, start, first_row: firstRow }, TILE_NAMES),
      ];
    },
  };
}

/** The most queries that one call can take: their partial results must fit into one binding. */
export function largestRows(shape: BlockSparseShape, traits: DeviceTraits, tuning?: BlockSparseTuning): number {
  return Math.floor(traits.maxBindingBytes / bytesPerRow(shape, traits, tuning).partials);
}

/** Scratch of a query. */
function bytesPerRow(
  shape: BlockSparseShape,
  traits: DeviceTraits,
  tuning: BlockSparseTuning | undefined,
): { readonly partials: number; readonly logSums: number } {
  const { parts, partials } = tileForm(shape, traits, tuning);
  const vectors = shape.queryHeads * shape.slots * parts;
  return {
    partials: vectors * Math.ceil(shape.headDim / 8) * (partials === "f16" ? 16 : 32),
    logSums: vectors * 4,
  };
}
