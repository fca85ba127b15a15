import { benchOf, type BenchBuffer, type GpuBenchCase } from "../gpu-check.ts";
import type { DeviceTraits, GpuOp } from "../gpu-op.ts";
import { Random } from "../random.ts";
import { inSequence, onlyProgram } from "./compose.ts";
import { blockDispatchGpu, blockSparseGpu, largestRows, planBytes, type BlockSparseCall } from "./gpu.ts";
import { planOnHost } from "./plan.ts";
import { tileForm, tuningName, tunings, type BlockSparseShape, type BlockSparseTuning } from "./tuning.ts";

/** T */
const ROOM = 32768;

const shapes = {
  "7B": { queryHeads: 32, kvHeads: 8, headDim: 128, block: 64, slots: 16 },
  "80B": { queryHeads: 64, kvHeads: 4, headDim: 128, block: 64, slots: 16 },
  embedded: { queryHeads: 6, kvHeads: 2, headDim: 64, block: 64, slots: 8 },
} satisfies Record<string, BlockSparseShape>;
type Model = keyof typeof shapes;

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

/** Which of a call's work is timed. */
type Part = "all" | "plan" | "sparse" | "gathered_tile" | "merge_partials";

interface Timed {
  readonly model: Model;
  readonly rows: number;
  readonly start: number;
  readonly part: Part;
  readonly tuning?: BlockSparseTuning;
  /** Share of a query's blocks that it has in common with the query before. */
  readonly sharing?: number;
}

const ends = (["7B", "80B", "embedded"] as const).flatMap((model) =>
  [2048, 4096].flatMap((rows) => [ROOM / 2, ROOM - rows].map((start) => ({ model, rows, start }))),
);
const last = (["7B", "80B"] as const).map((model) => ({ model, rows: 4096, start: ROOM - 4096 }));

const timed: readonly Timed[] = [
  ...ends.map((one) => ({ ...one, part: "all" as const })),
  ...last.flatMap((one) => (["plan", "gathered_tile", "merge_partials"] as const).map((part) => ({ ...one, part }))),
  ...last.map((one) => ({ ...one, part: "all" as const, sharing: 0.8 })),
  { model: "7B", rows: 16, start: ROOM - 16, part: "all" },
  ...last.flatMap((one) => others.map((tuning) => ({ ...one, part: "sparse" as const, tuning }))),
];

export const benches: readonly GpuBenchCase[] = timed.map((one) => ({
  name: nameOf(one),
  prepare: (traits) => {
    const shape = shapes[one.model];
    const { rows, start, part, tuning, sharing = 0 } = one;
    try {
      tileForm(shape, traits, tuning);
    } catch (error) {
      if (error instanceof RangeError) return { skip: error.message };
      throw error;
    }
    const most = largestRows(shape, traits, tuning);
    if (rows > most) return { skip: `its partial results fit a binding up to C = ${most}` };
    const run = { rows, start, firstRow: 0, room: ROOM };
    const blocks = selection(shape, run, sharing);
    const plan = part === "plan" || part === "all" ? uploaded({ blocks }) : planned(blocks, shape, run, traits, tuning);
    const { queryHeads, kvHeads, headDim, slots, block } = shape;
    const pairs = blocks.reduce((sum, chosen) => sum + (chosen < 0 ? 0 : 1), 0);
    const cache = kvHeads * ROOM * headDim;
    return benchOf({
      op: opOf(shape, run, traits, one),
      run,
      buffers: {
        ...plan,
        q: { values: rows * queryHeads * headDim, format: "f32" },
        k: { values: cache, format: "f16" },
        v: { values: cache, format: "f16" },
        sinks: { values: queryHeads, format: "f32" },
        out: { bytes: rows * queryHeads * headDim * 4 },
      },
      flops: part === "plan" || part === "merge_partials" ? 0 : pairs * (queryHeads / kvHeads) * block * headDim * 4,
      bytes: bytesOf(part, { ...shape, queries: rows, pairs, cache: kvHeads * (start + rows) * headDim * 4, slots }),
    });
  },
}));

function nameOf({ model, rows, start, part, tuning, sharing }: Timed): string {
  return [
    `block-sparse-attention ${model} T=${ROOM} C=${rows} start=${start} ${part}`,
    ...(sharing === undefined ? [] : [`sharing=${sharing}`]),
    ...(tuning === undefined ? [] : [tuningName(tuning)]),
  ].join(" ");
}

function opOf(
  shape: BlockSparseShape,
  run: BlockSparseCall,
  traits: DeviceTraits,
  { part, tuning }: Timed,
): GpuOp<BlockSparseCall> {
  const sizes = (): Readonly<Record<string, number>> => ({ ...planBytes(shape, run, traits, tuning) });
  const plan: GpuOp<BlockSparseCall> = blockDispatchGpu(shape, traits, tuning);
  const sparse = blockSparseGpu(shape, traits, tuning);
  if (part === "plan") return inSequence([plan], sizes);
  if (part === "all") return inSequence([plan, sparse], sizes);
  return part === "sparse" ? sparse : onlyProgram(sparse, part);
}

function uploaded(arrays: Readonly<Record<string, ArrayBufferView>>): Record<string, BenchBuffer> {
  return Object.fromEntries(Object.entries(arrays).map(([name, contents]) => [name, { contents }]));
}

function planned(
  blocks: Int32Array,
  shape: BlockSparseShape,
  run: BlockSparseCall,
  traits: DeviceTraits,
  tuning: BlockSparseTuning | undefined,
): Record<string, BenchBuffer> {
  return uploaded({ blocks, ...planOnHost(blocks, shape, run, traits, tuning) });
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
function bytesOf(part: Part, traffic: Traffic): number {
  const { queries, queryHeads, kvHeads, headDim, slots, pairs, cache } = traffic;
  const rows = queries * queryHeads * headDim * 4;
  const partials = pairs * (queryHeads / kvHeads) * headDim * 2;
  const plan = queries * kvHeads * slots * 4 + pairs * 4;
  if (part === "plan") return plan;
  if (part === "gathered_tile") return rows + cache + partials;
  if (part === "merge_partials") return partials + rows;
  return plan + 2 * rows + cache + 2 * partials;
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
