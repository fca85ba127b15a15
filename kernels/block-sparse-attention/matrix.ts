import { boundByName, spreadDispatch, type DeviceTraits, type GpuOp, type GpuProgram } from "../gpu-op.ts";
import { matrixDirectives } from "../matrix-directives.ts";
import { onlyProgram } from "./compose.ts";
import { blockSparseGpu, TILE_BINDINGS, TILE_NAMES, type BlockSparseCall } from "./gpu.ts";
import { listsOf, tileComplaint, tileForm, type BlockSparseShape, type BlockSparseTuning } from "./tuning.ts";

/** How matrix_block_rows is cut: K and V stay in registers, a tile's rows pass by. */
export interface MatrixRowsTuning {
  readonly form: "rows";
  /** Query rows (queries x heads of a group) at a time: 16, 32 or 64. */
  readonly rows: 16 | 32 | 64;
  /** Most query rows of a tile, all of one workgroup. */
  readonly tile: number;
  /** Whether a team multiplies two tiles of 16 rows side by side: more at once, in more registers. Not with 16 rows. */
  readonly paired: boolean;
  /** Whether the next rows are asked for before the products with K, or only after them. */
  readonly ahead: boolean;
}

/** How matrix_gathered_tile is cut. A team is 32 invocations. */
export interface MatrixGatheredTuning {
  readonly form: "gathered";
  /** Query rows (queries x heads of a group) per tile: a multiple of 16 `rowTiles`. */
  readonly rows: number;
  /** Tiles of 16 rows that a team has: 1 or 2. */
  readonly rowTiles: 1 | 2;
  /** Most tiles of 16 columns that a team has; 1, 2 or 4. Teams of the same rows share their keys and columns. */
  readonly columnTiles: 1 | 2 | 4;
  /** Keys per tile: 16, 32 or 64. A larger block has several parts. */
  readonly keys: number;
  /** Whether V is asked for together with K, or after the products with K. */
  readonly earlyValues: boolean;
}

export type MatrixSparseTuning = MatrixRowsTuning | MatrixGatheredTuning;

const sixteenRows: MatrixRowsTuning = { form: "rows", rows: 16, tile: 512, paired: false, ahead: true };
const thirtyTwoRows: MatrixRowsTuning = { form: "rows", rows: 32, tile: 512, paired: true, ahead: true };
const gathering: readonly MatrixGatheredTuning[] = [
  { form: "gathered", rows: 64, rowTiles: 2, columnTiles: 2, keys: 64, earlyValues: false },
  { form: "gathered", rows: 32, rowTiles: 1, columnTiles: 4, keys: 64, earlyValues: false },
  { form: "gathered", rows: 32, rowTiles: 2, columnTiles: 4, keys: 64, earlyValues: false },
  { form: "gathered", rows: 32, rowTiles: 1, columnTiles: 4, keys: 32, earlyValues: false },
  { form: "gathered", rows: 32, rowTiles: 2, columnTiles: 4, keys: 16, earlyValues: false },
];

/** Every choice. */
export const matrixTunings: readonly MatrixSparseTuning[] = [sixteenRows, thirtyTwoRows, ...gathering];

/** Ways to cut that benchmarks compare. */
export const timedTunings: readonly MatrixSparseTuning[] = [
  sixteenRows,
  { form: "rows", rows: 16, tile: 512, paired: false, ahead: false },
  { form: "rows", rows: 16, tile: 256, paired: false, ahead: true },
  { form: "rows", rows: 16, tile: 1024, paired: false, ahead: true },
  thirtyTwoRows,
  { form: "rows", rows: 32, tile: 512, paired: true, ahead: false },
  { form: "rows", rows: 32, tile: 512, paired: false, ahead: true },
  { form: "rows", rows: 32, tile: 512, paired: false, ahead: false },
  { form: "rows", rows: 32, tile: 256, paired: true, ahead: true },
  { form: "rows", rows: 32, tile: 1024, paired: true, ahead: true },
  { form: "rows", rows: 64, tile: 512, paired: true, ahead: true },
  gathering[0]!,
];

export function matrixTuningName(tuning: MatrixSparseTuning): string {
  if (tuning.form === "gathered") {
    const { rows, rowTiles, columnTiles, keys, earlyValues } = tuning;
    return `matrix gathered rows=${rows}/${rowTiles} columns=${columnTiles} keys=${keys} values=${earlyValues ? "early" : "late"}`;
  }
  const { rows, tile, paired, ahead } = tuning;
  return `matrix rows=${rows} of ${tile} ${paired ? "paired" : "single"} ${ahead ? "ahead" : "late"}`;
}

/** The largest d that does better with 32 rows at a time: measured for 64 and 128, see matrix_block_rows.wgsl. */
const SMALL_HEAD_DIM = 64;

/** The choices for heads of this size, best first; a device gets the first that fits it. */
function bestFirst(headDim: number): readonly MatrixSparseTuning[] {
  return headDim > SMALL_HEAD_DIM ? matrixTunings : [thirtyTwoRows, sixteenRows, ...gathering];
}

const SIDE = 16;
const TEAM = 32;
/** Bytes of a word of workgroup memory: eight halves, four f32. */
const WORD = 16;
const SCALE_WIDTH = 256;
/** Of the form "rows": most keys, teams, and the largest d whose keys and values the teams' registers hold. */
const ROWS_KEYS = 64;
const ROWS_TEAMS = 4;
const ROWS_HEAD_DIM = 128;

/** A tuning laid over a shape. */
interface MatrixForm {
  /** Teams that share the same rows, in the gathered form. */
  readonly split: number;
  readonly threads: number;
  readonly storageBytes: number;
}

function matrixForm(shape: BlockSparseShape, tuning: MatrixSparseTuning): MatrixForm {
  return tuning.form === "rows" ? rowsForm(shape, tuning) : gatheredForm(shape, tuning);
}

function keysOf(block: number, most: number): number {
  return Math.min(most, Math.max(SIDE, 2 ** Math.ceil(Math.log2(block))));
}

function rowsForm(shape: BlockSparseShape, { rows, tile }: MatrixRowsTuning): MatrixForm {
  const { queryHeads, headDim, block } = shape;
  const group = queryHeads / listsOf(shape);
  const queries = Math.floor(tile / Math.ceil(group / Math.ceil(group / tile)));
  const keys = keysOf(block, ROWS_KEYS);
  const operand = headDim / 8 + 1;
  const pool = Math.max(keys * operand, rows * (operand + (keys / 4 + 1) + (headDim / 4 + 2)));
  return { split: 1, threads: ROWS_TEAMS * TEAM, storageBytes: WORD * pool + 4 * (rows + queries + ROWS_TEAMS * TEAM) };
}

function gatheredForm({ headDim, block }: BlockSparseShape, tuning: MatrixGatheredTuning): MatrixForm {
  const { rows, rowTiles, columnTiles } = tuning;
  const keys = keysOf(block, tuning.keys);
  const split = 2 ** Math.ceil(Math.log2(Math.max(1, headDim / SIDE / columnTiles)));
  const columns = split * Math.ceil(headDim / SIDE / split);
  const threads = (rows / (SIDE * rowTiles)) * split * TEAM;
  const operand = 2 * columns + 1;
  const pool = Math.max(keys * operand + rows * Math.max(operand, keys / 4 + 1), rows * (4 * columns + 1));
  return { split, threads, storageBytes: WORD * pool + 4 * (2 * threads + 2 * rows) };
}

/** Of the portable op, what the plan and the merging of partial results go by. */
function planned(tuning: MatrixSparseTuning): BlockSparseTuning {
  const shared = { depth: SIDE, chunk: SIDE, partials: "f16" } as const;
  return tuning.form === "rows"
    ? { rows: tuning.tile, keys: ROWS_KEYS, rowStep: tuning.rows, ...shared }
    : { rows: tuning.rows, keys: tuning.keys, ...shared };
}

/** Undefined where the tuning runs, or why it does not. */
export function matrixComplaint(
  shape: BlockSparseShape,
  traits: DeviceTraits,
  tuning: MatrixSparseTuning,
): string | undefined {
  const { headDim } = shape;
  const most = tuning.form === "rows" ? ROWS_HEAD_DIM : 256;
  if (traits.matrix === "none") return "the device has no matrix units";
  if (headDim % SIDE !== 0 || headDim > most) return `d = ${headDim} is no multiple of ${SIDE} up to ${most}`;
  const { threads, storageBytes } = matrixForm(shape, tuning);
  if (storageBytes > traits.workgroupStorageBytes)
    return `it needs ${storageBytes} bytes of workgroup storage, the device has ${traits.workgroupStorageBytes}`;
  if (threads > traits.maxInvocations || threads % tuning.rows !== 0)
    return `it needs ${threads} invocations for ${tuning.rows} rows, the device has ${traits.maxInvocations}`;
  return tileComplaint(shape, traits, planned(tuning));
}

function chosen(shape: BlockSparseShape, traits: DeviceTraits, tuning?: MatrixSparseTuning): MatrixSparseTuning {
  const wanted = tuning === undefined ? bestFirst(shape.headDim) : [tuning];
  const found = wanted.find((one) => matrixComplaint(shape, traits, one) === undefined);
  if (found !== undefined) return found;
  throw new RangeError(matrixComplaint(shape, traits, wanted.at(-1)!));
}

/** Whether blockSparseMatrix runs such a shape; where it does not, blockSparseGpu does. */
export function fitsMatrixSparse(shape: BlockSparseShape, traits: DeviceTraits): boolean {
  return matrixTunings.some((one) => matrixComplaint(shape, traits, one) === undefined);
}

/** The tuning that blockDispatchGpu and planBytes must get for plans that blockSparseMatrix reads. */
export function matrixPlanTuning(
  shape: BlockSparseShape,
  traits: DeviceTraits,
  tuning?: MatrixSparseTuning,
): BlockSparseTuning {
  return planned(chosen(shape, traits, tuning));
}

/**
 * Block-sparse attention of many queries on matrix units, from a plan of blockDispatchGpu made with matrixPlanTuning and
 * the same shape, rows, start and firstRow. Products of 16-bit operands (q, P rounded), f32 sums, 16-bit partial results.
 *
 * Buffers as of blockSparseGpu: q f32 [C, Hq, d], rotated, unscaled; k, v halves [Hkv, room, d]; blocks u32
 * [>= firstRow + C, lists, k/B]; planPairs, planTiles, planArgs; sinks f32 [Hq], minus infinity for none; out f32 [C, Hq, d].
 * @throws RangeError when no tuning, or not this one, fits: see fitsMatrixSparse
 */
export function blockSparseMatrix(
  shape: BlockSparseShape,
  traits: DeviceTraits,
  tuning?: MatrixSparseTuning,
): GpuOp<BlockSparseCall> {
  const { queryHeads, kvHeads, headDim, block, slots } = shape;
  const cut = chosen(shape, traits, tuning);
  const plan = planned(cut);
  const { keys, parts, shares, group, groupTile, queries } = tileForm(shape, traits, plan);
  const merge = onlyProgram(blockSparseGpu(shape, traits, plan), "merge_partials");
  const scaled: GpuProgram = {
    name: "block-sparse-attention/matrix_scale_queries",
    sources: ["block-sparse-attention/matrix_scale_queries.wgsl"],
    constants: { WIDTH: SCALE_WIDTH },
    bindings: { q: "read", halves: "read_write" },
    params: { words: "u32", stride: "u32", scale: "f32" },
  };
  const tile: GpuProgram = {
    name: `block-sparse-attention/${cut.form === "rows" ? "matrix_block_rows" : "matrix_gathered_tile"}`,
    sources:
      cut.form === "rows"
        ? [`block-sparse-attention/matrix_held_${traits.matrix}.wgsl`, "block-sparse-attention/matrix_block_rows.wgsl"]
        : [
            `block-sparse-attention/matrix_pool_${traits.matrix}.wgsl`,
            "block-sparse-attention/matrix_gathered_tile.wgsl",
          ],
    directives: matrixDirectives(traits, { shuffles: cut.form === "rows" }),
    constants: {
      LISTS: listsOf(shape),
      LISTS_PER_KV_HEAD: listsOf(shape) / kvHeads,
      GROUP: group,
      HEAD_DIM: headDim,
      BLOCK: block,
      SLOTS: slots,
      KEYS: keys,
      PARTS: parts,
      GROUP_TILE: groupTile,
      SHARES: shares,
      ROWS: cut.rows,
      ...(cut.form === "rows"
        ? { QUERIES: queries, PAIRED: cut.paired, AHEAD: cut.ahead }
        : {
            ROW_TILES: cut.rowTiles,
            SPLIT: matrixForm(shape, cut).split,
            EARLY_VALUES: cut.earlyValues,
          }),
    },
    bindings: TILE_BINDINGS,
    params: { start: "u32", rows: "u32", room: "u32" },
  };
  return {
    programs: [scaled, tile, ...merge.programs.filter(({ name }) => name.endsWith("/merge_partials"))],
    scratch: (run) => ({ ...merge.scratch(run), queryHalves: run.rows * queryHeads * headDim * 2 }),
    dispatches: (run) => {
      const words = (run.rows * queryHeads * headDim) / 8;
      const params = { words, scale: Math.LOG2E / Math.sqrt(headDim) };
      return [
        spreadDispatch(scaled, traits, Math.ceil(words / SCALE_WIDTH), params, { halves: "queryHalves" }),
        {
          program: tile,
          buffers: boundByName(tile, { ...TILE_NAMES, q: "queryHalves" }),
          params: { start: run.start, rows: run.rows, room: run.room },
          workgroups: { indirect: "planArgs", offset: 0 },
        },
        ...merge.dispatches(run),
      ];
    },
  };
}
