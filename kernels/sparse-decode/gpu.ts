import { planAttend, type AttendTuning } from "../attention/decode-plan.ts";
import type { DeviceTraits, GpuOp, GpuProgram } from "../gpu-op.ts";
import { branchesOp } from "./branches-op.ts";
import type { SparseDecodeRun, SparseDecodeShape } from "./shape.ts";

export interface SparseDecodeTuning extends Omit<AttendTuning, "tile"> {
  /** Ring rows per workgroup. */
  readonly windowRun: number;
}

/** The default first: a block of 64 keys at d = 128 takes one step of K and one of V. */
export const sparseDecodeTunings: readonly SparseDecodeTuning[] = [256, 128, 512].map((threads) => ({
  threads,
  heads: 4,
  queryPieces: 1,
  keysEach: 4,
  valuesEach: 4,
  arithDots: false,
  arithSums: false,
  windowRun: 64,
}));

const LONGEST_TILE = 128;

/**
 * Both branches of a sparse layer for one query position, before the gates.
 *
 * Buffers: q f32 [Hq, d]; ringK, ringV 16-bit [Hkv, w, d], the token's own rows included; windowSinks f32 [Hq], minus
 * infinity for none; outWindow f32 [Hq, d]. With `sparse` also k, v 16-bit [Hkv, room, d] of the oracle; blocks u32
 * [any, Hkv, k / B]; sparseSinks f32 [Hq]; outSparse f32 [Hq, d].
 * @throws Error when d is no multiple of 4
 */
export function sparseDecodeGpu(
  shape: SparseDecodeShape,
  traits: DeviceTraits,
  { windowRun, ...tuning }: SparseDecodeTuning = sparseDecodeTunings[0]!,
): GpuOp<SparseDecodeRun> {
  const { queryHeads, kvHeads, headDim, block, slots, window, sparse } = shape;
  const group = queryHeads / kvHeads;
  const longest = Math.max(Math.min(windowRun, window), sparse ? block : 1);
  const tile = Math.min(LONGEST_TILE, 2 ** Math.ceil(Math.log2(Math.max(longest, 32))));
  const plan = planAttend({ group, headDim }, { ...tuning, tile }, traits);
  const runs = Math.ceil(window / windowRun);
  const jobs = runs + (sparse ? slots : 0);
  const sizes = { JOBS: jobs, WINDOW: window, ...(sparse ? { SLOTS: slots, KV_HEADS: kvHeads, BLOCK: block } : {}) };
  const scratch = { partial: "read_write", sums: "read_write" } as const;
  const ring = { ring_k: "read", ring_v: "read" } as const;

  const branches: GpuProgram = {
    name: `sparse-decode/${sparse ? "both_branches" : "window_branch"}`,
    sources: [
      ...plan.pieces.sources,
      "attention/attend_keys.wgsl",
      "attention/no_block_maxima.wgsl",
      `sparse-decode/${sparse ? "both_branches" : "window_branch"}.wgsl`,
    ],
    aliases: plan.pieces.aliases,
    constants: { ...plan.constants, ...sizes, WINDOW_RUN: windowRun },
    bindings: sparse
      ? { q: "read", k: "read", v: "read", ...ring, blocks: "read", ...scratch }
      : { q: "read", ...ring, ...scratch },
    params: { keys: "u32", ring: "u32", ...(sparse ? ({ room: "u32", selection_row: "u32" } as const) : {}) },
  };
  return branchesOp(shape, { program: branches, jobs, sparseJobs: slots, chunks: plan.chunks });
}
