import { benchOf, type GpuBenchCase } from "../gpu-check.ts";
import type { GpuOp } from "../gpu-op.ts";
import { Random } from "../random.ts";
import { onlyProgram } from "./compose.ts";
import type { BlockSparseCall } from "./gpu.ts";
import { timedTunings, matrixTuningName } from "./matrix-gpu-checks.ts";
import {
  blockSparseMatrix,
  fitsMatrixSparse,
  matrixComplaint,
  matrixPlanTuning,
  matrixTunings,
  type MatrixSparseTuning,
} from "./matrix.ts";
import { planOnHost } from "./plan.ts";
import type { BlockSparseShape } from "./tuning.ts";

interface Model extends BlockSparseShape {
  readonly name: string;
}

const selection = { block: 64, slots: 16 };
const dense: Model = { name: "7B", queryHeads: 32, kvHeads: 8, headDim: 128, ...selection };
const experts: Model = { name: "80B", queryHeads: 64, kvHeads: 4, headDim: 128, ...selection };
const embedded: Model = { name: "embedded", queryHeads: 6, kvHeads: 2, headDim: 64, ...selection };
/** C */
const CHUNK = 2048;

/** Random blocks among the visible ones, ascending: what shares blocks least. [C, Hkv, k/B] */
function anyBlocks({ kvHeads, block, slots }: BlockSparseShape, start: number, rows: number): Int32Array {
  const random = new Random(start + 1);
  const blocks = new Int32Array(rows * kvHeads * slots).fill(-1);
  for (let list = 0; list < rows * kvHeads; list++) {
    const visible = Math.floor((start + Math.floor(list / kvHeads)) / block) + 1;
    const taken = new Set<number>();
    while (taken.size < Math.min(visible, slots)) taken.add(Math.floor(random.uniform() * visible));
    blocks.set(
      [...taken].sort((a, b) => a - b),
      list * slots,
    );
  }
  return blocks;
}

interface Way {
  readonly tuning?: MatrixSparseTuning;
  /** Times this program alone. */
  readonly only?: string;
  /** C */
  readonly rows?: number;
}

function benchOfSize(model: Model, start: number, { tuning, only, rows = CHUNK }: Way = {}): GpuBenchCase {
  const notes = [tuning === undefined ? "matrix" : matrixTuningName(tuning), ...(only === undefined ? [] : [only])];
  return {
    name: `block-sparse-attention ${model.name} T=${start + rows} C=${rows} ${notes.join(" ")}`,
    prepare: (traits) => {
      const { queryHeads, kvHeads, headDim, block, slots } = model;
      const shape = { queryHeads, kvHeads, headDim, block, slots };
      if (tuning === undefined && !fitsMatrixSparse(shape, traits)) return { skip: "no matrix units" };
      const skip = tuning === undefined ? undefined : matrixComplaint(shape, traits, tuning);
      if (skip !== undefined) return { skip };
      const run = { rows, start, firstRow: 0, room: start + rows };
      const blocks = anyBlocks(shape, start, rows);
      const pairs = blocks.reduce((sum, one) => sum + (one < 0 ? 0 : 1), 0);
      const queries = rows * queryHeads * headDim;
      const cache = kvHeads * run.room * headDim;
      const op: GpuOp<BlockSparseCall> = blockSparseMatrix(shape, traits, tuning);
      return benchOf({
        op: only === undefined ? op : onlyProgram(op, only),
        run,
        buffers: {
          q: { values: queries, format: "f32" },
          k: { values: cache, format: "f16" },
          v: { values: cache, format: "f16" },
          blocks: { contents: blocks },
          sinks: { values: queryHeads, format: "f32" },
          out: { bytes: queries * 4 },
          ...Object.fromEntries(
            Object.entries(planOnHost(blocks, shape, run, traits, matrixPlanTuning(shape, traits, tuning))).map(
              ([name, contents]) => [name, { contents }] as const,
            ),
          ),
        },
        flops: 4 * pairs * (queryHeads / kvHeads) * block * headDim,
        bytes: queries * 8 + cache * 4 + blocks.byteLength,
      });
    },
  };
}

const [bestRows, bestGathered] = [matrixTunings[0]!, matrixTunings.find(({ form }) => form === "gathered")!];

export const benches: readonly GpuBenchCase[] = [
  ...[dense, experts, embedded].flatMap((model) => [0, 14_336, 30_720].map((start) => benchOfSize(model, start))),
  ...[dense, experts, embedded].map((model) => benchOfSize(model, 28_672, { rows: 2 * CHUNK })),
  ...[dense, experts].flatMap((model) => [
    ...["matrix_scale_queries", "matrix_block_rows", "merge_partials"].map((only) =>
      benchOfSize(model, 30_720, { only, tuning: bestRows }),
    ),
    benchOfSize(model, 30_720, { only: "matrix_gathered_tile", tuning: bestGathered }),
  ]),
  ...[dense, experts, embedded].flatMap((model) =>
    timedTunings.map((tuning) => benchOfSize(model, 30_720, { tuning })),
  ),
];
