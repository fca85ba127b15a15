import type { ForcedBlocks } from "./block-topk.ts";
import { spreadWorkgroups, type DeviceTraits, type GpuOp, type GpuProgram } from "../gpu-op.ts";

export interface BlockTopkShape {
  readonly kvHeads: number;
  /** k / B, and those that are forced. */
  readonly slots: number;
  /** B */
  readonly block: number;
  readonly forced?: ForcedBlocks | undefined;
  /** Scores may have either sign. */
  readonly signed?: boolean;
}

export interface BlockTopkRun {
  /** C */
  readonly rows: number;
  /** Position of the first query. */
  readonly start: number;
  /** Row of `blocks` and `selected` that the first query writes. */
  readonly firstRow: number;
}

/** Invocations per row and KV head: for chunks of queries, and for so few rows that the device is never filled. */
export interface BlockTopkTuning {
  readonly many: number;
  readonly few: number;
}

export const blockTopkTuning: BlockTopkTuning = { many: 64, few: 256 };

/** Below this many workgroups each gets more invocations. */
const FEW_WORKGROUPS = 512;
/** Bins, search state and the like, next to the list of chosen blocks. */
const FIXED_BYTES = 2560;

/**
 * Buffers: scores f32 [C, Hkv, ceil((start + C) / B)], finite, and non-negative but with `signed`; blocks u32 and selected f32 [any, Hkv, k / B],
 * written at rows firstRow .. firstRow + C - 1 only.
 * @throws Error when the list of chosen blocks does not fit the device's workgroup storage
 */
export function blockTopkGpu(
  { kvHeads, slots, block, forced = { first: 0, last: 0 }, signed = false }: BlockTopkShape,
  traits: DeviceTraits,
  tuning: BlockTopkTuning = blockTopkTuning,
): GpuOp<BlockTopkRun> {
  if (slots * 4 + FIXED_BYTES > traits.workgroupStorageBytes) {
    throw new Error(`block-topk: k / B = ${slots} blocks do not fit ${traits.workgroupStorageBytes} bytes`);
  }
  const programOf = (width: number): GpuProgram => ({
    name: "block-topk/interval_search",
    sources: ["block-topk/interval_search.wgsl"],
    constants: {
      ...{ KV_HEADS: kvHeads, SLOTS: slots, BLOCK: block, WIDTH: Math.min(width, 256) },
      ...{ FIRST: forced.first, LAST: forced.last, SIGNED: signed },
    },
    bindings: { scores: "read", chosen: "read_write", selected: "read_write" },
    params: { rows: "u32", start: "u32", first_row: "u32", blocks: "u32", stride: "u32" },
  });
  const many = programOf(tuning.many);
  const few = programOf(Math.min(tuning.few, traits.maxInvocations));
  return {
    programs: [many, few],
    scratch: () => ({}),
    dispatches: ({ rows, start, firstRow }) => {
      const workgroups = spreadWorkgroups(rows * kvHeads, traits);
      return [
        {
          program: rows * kvHeads < FEW_WORKGROUPS ? few : many,
          buffers: { scores: "scores", chosen: "blocks", selected: "selected" },
          params: {
            rows,
            start,
            first_row: firstRow,
            blocks: Math.ceil((start + rows) / block),
            stride: workgroups[0],
          },
          workgroups,
        },
      ];
    },
  };
}
