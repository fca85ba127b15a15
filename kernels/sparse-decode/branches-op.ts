import { boundByName, type GpuOp, type GpuProgram } from "../gpu-op.ts";
import { RING_NAMES } from "../sliding-window/gpu.ts";
import type { SparseDecodeRun, SparseDecodeShape } from "./shape.ts";

const MERGE_QUADS = 8;
const MERGE_ROWS = 8;
const FLOAT = 4;

/** The program that attends to blocks and window, and how its work is cut. */
export interface Branches {
  readonly program: GpuProgram;
  /** Partial results per query head, and how many of them, in front, belong to the sparse branch. */
  readonly jobs: number;
  readonly sparseJobs: number;
  /** Workgroups that share the query heads of a KV head. */
  readonly chunks: number;
}

const NAMES: Readonly<Record<string, string>> = {
  ...RING_NAMES,
  sparse_sinks: "sparseSinks",
  window_sinks: "windowSinks",
  out_sparse: "outSparse",
  out_window: "outWindow",
};

/** What all forms of the op have in common: one dispatch over all jobs, and one that joins each branch's. */
export function branchesOp(
  { queryHeads, kvHeads, headDim, window, sparse }: SparseDecodeShape,
  { program, jobs, sparseJobs, chunks }: Branches,
): GpuOp<SparseDecodeRun> {
  const name = sparse ? "merge_branches" : "merge_window";
  const merge: GpuProgram = {
    name: `sparse-decode/${name}`,
    sources: ["attention/merge_partials.wgsl", `sparse-decode/${name}.wgsl`],
    constants: {
      ...{ GROUP: queryHeads / kvHeads, HEAD_DIM: headDim, MERGE_QUADS, MERGE_ROWS, JOBS: jobs },
      // To the merge, every job of the sparse branch is a slot.
      ...(sparse ? { SLOTS: sparseJobs } : {}),
    },
    bindings: sparse
      ? {
          partial: "read",
          sums: "read",
          sparse_sinks: "read",
          window_sinks: "read",
          out_sparse: "read_write",
          out_window: "read_write",
        }
      : { partial: "read", sums: "read", window_sinks: "read", out_window: "read_write" },
    params: {},
  };
  return {
    programs: [program, merge],
    scratch: () => ({ partial: jobs * queryHeads * headDim * FLOAT, sums: jobs * queryHeads * 2 * FLOAT }),
    dispatches: ({ position, room, ring = window, selectionRow }) => [
      {
        program,
        buffers: boundByName(program, NAMES),
        params: { keys: position + 1, ring, ...(sparse ? { room, selection_row: selectionRow } : {}) },
        workgroups: [jobs, kvHeads, chunks],
      },
      {
        program: merge,
        buffers: boundByName(merge, NAMES),
        params: {},
        workgroups: [Math.ceil(headDim / 4 / MERGE_QUADS), queryHeads, sparse ? 2 : 1],
      },
    ],
  };
}
