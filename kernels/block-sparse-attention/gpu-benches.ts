import { benchModels, dense, experts, type BenchHeads } from "../bench-models.ts";
import { benchOf, type BenchBuffer, type GpuBenchCase } from "../gpu-check.ts";
import type { DeviceTraits, GpuOp } from "../gpu-op.ts";
import { Random } from "../random.ts";
import { inSequence, onlyProgram } from "./compose.ts";
import { matrix, portable, type BlockSparseForm } from "./forms.ts";
import { blockDispatchGpu, largestRows, planBytes, type BlockSparseCall } from "./gpu.ts";
import { matrixTuningName, matrixTunings, timedTunings, type MatrixSparseTuning } from "./matrix.ts";
import { planOnHost } from "./plan.ts";
import { tuningName, tunings, type BlockSparseShape, type BlockSparseTuning } from "./tuning.ts";

/** T */
const LAST = 32768;

/** Of a selection. */
const CHOSEN = { block: 64, slots: 16 } as const;
const large = [dense, experts];

interface Timed<Tuning> {
  readonly model: BenchHeads;
  readonly rows: number;
  readonly start: number;
  /** What is timed: plan and op, one of them, or one of the op's programs. */
  readonly part: string;
  readonly tuning?: Tuning;
  /** Share of a query's blocks that it has in common with the query before; 0 shares least. */
  readonly sharing?: number;
}

function bench<Tuning>(
  form: BlockSparseForm<Tuning>,
  nameOfTuning: (tuning: Tuning) => string,
  one: Timed<Tuning>,
): GpuBenchCase {
  const { model, rows, start, part, tuning, sharing = 0 } = one;
  const room = start + rows;
  const notes = [
    ...(form.id === "matrix" && tuning === undefined ? ["matrix"] : []),
    part,
    ...(one.sharing === undefined ? [] : [`sharing=${sharing}`]),
    ...(tuning === undefined ? [] : [nameOfTuning(tuning)]),
  ];
  return {
    name: `block-sparse-attention ${model.name} T=${room} C=${rows} ${notes.join(" ")}`,
    prepare: (traits) => {
      const shape: BlockSparseShape = { ...model, ...CHOSEN };
      if (!form.fits(shape, traits, tuning)) return { skip: "the shape or the tuning does not fit this device" };
      const planTuning = form.planTuning(shape, traits, tuning);
      const most = largestRows(shape, traits, planTuning);
      if (rows > most) return { skip: `its partial results fit a binding up to C = ${most}` };
      const run = { rows, start, firstRow: 0, room };
      const blocks = selection(shape, run, sharing);
      const plan = part === "plan" || part === "all" ? {} : planOnHost(blocks, shape, run, traits, planTuning);
      const { queryHeads, kvHeads, headDim, slots, block } = shape;
      const pairs = blocks.reduce((sum, chosen) => sum + (chosen < 0 ? 0 : 1), 0);
      const cache = kvHeads * room * headDim;
      return benchOf({
        op: partOf(part, form.make(shape, traits, tuning), shape, run, traits, planTuning),
        run,
        buffers: {
          ...uploaded({ blocks, ...plan }),
          q: { values: rows * queryHeads * headDim, format: "f32" },
          k: { values: cache, format: "f16" },
          v: { values: cache, format: "f16" },
          sinks: { values: queryHeads, format: "f32" },
          out: { bytes: rows * queryHeads * headDim * 4 },
        },
        flops: WITHOUT_PRODUCTS.includes(part) ? 0 : pairs * (queryHeads / kvHeads) * block * headDim * 4,
        bytes: bytesOf(part, { ...shape, queries: rows, pairs, cache: cache * 4, slots }),
      });
    },
  };
}

const WITHOUT_PRODUCTS: readonly string[] = ["plan", "merge_partials", "matrix_scale_queries"];

function partOf(
  part: string,
  sparse: GpuOp<BlockSparseCall>,
  shape: BlockSparseShape,
  run: BlockSparseCall,
  traits: DeviceTraits,
  tuning: BlockSparseTuning | undefined,
): GpuOp<BlockSparseCall> {
  const sizes = (): Readonly<Record<string, number>> => ({ ...planBytes(shape, run, traits, tuning) });
  const plan: GpuOp<BlockSparseCall> = blockDispatchGpu(shape, traits, tuning);
  if (part === "plan") return inSequence([plan], sizes);
  if (part === "all") return inSequence([plan, sparse], sizes);
  return part === "sparse" ? sparse : onlyProgram(sparse, part);
}

function uploaded(arrays: Readonly<Record<string, ArrayBufferView>>): Record<string, BenchBuffer> {
  return Object.fromEntries(Object.entries(arrays).map(([name, contents]) => [name, { contents }]));
}

interface Traffic {
  readonly queries: number;
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly slots: number;
  readonly pairs: number;
  /** Bytes of the visible K and V. */
  readonly cache: number;
}

/** What must be moved at least, partial results in 16 bit included. */
function bytesOf(part: string, { queries, queryHeads, kvHeads, headDim, slots, pairs, cache }: Traffic): number {
  const rows = queries * queryHeads * headDim * 4;
  const partials = pairs * (queryHeads / kvHeads) * headDim * 2;
  const plan = queries * kvHeads * slots * 4 + pairs * 4;
  if (part === "plan") return plan;
  if (part === "all" || part === "sparse") return plan + 2 * rows + cache + 2 * partials;
  if (part === "merge_partials") return partials + rows;
  if (part === "matrix_scale_queries") return 1.5 * rows;
  return rows + cache + partials;
}

/** Distinct visible blocks for every query and KV head; a query keeps `sharing` of its predecessor's. */
function selection(shape: BlockSparseShape, { rows, start }: BlockSparseCall, sharing: number): Int32Array {
  const { kvHeads, slots, block } = shape;
  const random = new Random(rows + start);
  const blocks = new Int32Array(rows * kvHeads * slots).fill(-1);
  for (let head = 0; head < kvHeads; head++) {
    let held: number[] = [];
    for (let row = 0; row < rows; row++) {
      const visible = Math.floor((start + row) / block) + 1;
      const chosen = new Set(held.filter(() => random.uniform() < sharing));
      while (chosen.size < Math.min(slots, visible)) chosen.add(random.integer(visible));
      held = [...chosen].sort((a, b) => a - b);
      blocks.set(held, (row * kvHeads + head) * slots);
    }
  }
  return blocks;
}

const last = (rows: number): { readonly rows: number; readonly start: number } => ({ rows, start: LAST - rows });
const [gathered, rowTunings] = [
  matrixTunings.find(({ form }) => form === "gathered")!,
  matrixTunings.find(({ form }) => form === "rows")!,
];

const preferred = tunings.f16[0]!;
/** What differs from the best one; f16 sums of 16 terms, and 128 rows, are what is expected to win. */
const others: readonly BlockSparseTuning[] = [
  { ...preferred, rows: 64 },
  { ...preferred, rows: 256, depth: 32 },
  { ...preferred, depth: 32 },
  { ...preferred, rows: 64, depth: 32 },
  { ...preferred, rows: 64, keys: 32, depth: 32 },
  { ...preferred, chunk: 8 },
  { ...preferred, partials: "f32" },
];

const portableTimed: readonly Timed<BlockSparseTuning>[] = [
  ...benchModels.flatMap((model) =>
    [2048, 4096].flatMap((rows) => [LAST / 2, LAST - rows].map((start) => ({ model, rows, start, part: "all" }))),
  ),
  ...large.flatMap((model) => [
    ...["plan", "gathered_tile", "merge_partials"].map((part) => ({ model, ...last(4096), part })),
    { model, ...last(4096), part: "all", sharing: 0.8 },
    ...others.map((tuning) => ({ model, ...last(4096), part: "sparse", tuning })),
  ]),
  { model: dense, ...last(16), part: "all" },
];

const matrixTimed: readonly Timed<MatrixSparseTuning>[] = [
  ...benchModels.flatMap((model) => [
    ...[0, 14_336, 30_720].map((start) => ({ model, rows: 2048, start, part: "sparse" })),
    { model, ...last(4096), part: "sparse" },
    ...timedTunings.map((tuning) => ({ model, ...last(2048), part: "sparse", tuning })),
  ]),
  ...large.flatMap((model) => [
    ...["matrix_scale_queries", "matrix_block_rows", "merge_partials"].map((part) => ({
      ...{ model, ...last(2048), part, tuning: rowTunings },
    })),
    { model, ...last(2048), part: "matrix_gathered_tile", tuning: gathered },
  ]),
];

export const benches: readonly GpuBenchCase[] = [
  ...portableTimed.map((one) => bench(portable, tuningName, one)),
  ...matrixTimed.map((one) => bench(matrix, matrixTuningName, one)),
];
