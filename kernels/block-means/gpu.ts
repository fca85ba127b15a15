import { spreadDispatch, type DeviceTraits, type GpuOp, type GpuProgram } from "../gpu-op.ts";

export interface BlockMeansShape {
  readonly kvHeads: number;
  /** d; a multiple of 4. */
  readonly headDim: number;
  /** B */
  readonly block: number;
}

/** Positions start .. start + rows - 1, whose keys the cache holds already. */
export interface BlockMeansRun {
  readonly rows: number;
  readonly start: number;
  /** Rows of the cache per KV head, and blocks that `means` has room for. */
  readonly room: number;
  readonly blocks: number;
}

const WIDTH = 256;
const MOST_SHARES = 8;

/**
 * Makes the means of the blocks whose last position is one of the call's; no dispatch where there is none.
 *
 * Buffers: k halves [Hkv, room, d]; means halves [Hkv, blocks, d].
 */
export function blockMeansGpu(
  { kvHeads, headDim, block }: BlockMeansShape,
  traits: DeviceTraits,
): GpuOp<BlockMeansRun> {
  const width = Math.min(WIDTH, traits.maxInvocations);
  const program: GpuProgram = {
    name: "block-means/block_means",
    sources: ["block-means/block_means.wgsl"],
    constants: {
      ...{ KV_HEADS: kvHeads, HEAD_DIM: headDim, BLOCK: block, WIDTH: width },
      SHARES: Math.min(MOST_SHARES, Math.max(1, Math.floor((4 * width) / headDim))),
    },
    bindings: { k: "read", means: "read_write" },
    params: { room: "u32", blocks: "u32", first: "u32", count: "u32", stride: "u32" },
  };
  return {
    programs: [program],
    scratch: () => ({}),
    dispatches: ({ rows, start, room, blocks }) => {
      const first = Math.floor(start / block);
      const count = Math.floor((start + rows) / block) - first;
      if (count === 0) return [];
      return [spreadDispatch(program, traits, kvHeads * count, { room, blocks, first, count })];
    },
  };
}
