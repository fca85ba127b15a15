import { spreadWorkgroups, type DeviceTraits, type GpuOp, type GpuProgram } from "../gpu-op.ts";
import { matrixDirectives } from "../matrix-directives.ts";
import type { SlidingWindowRun, SlidingWindowShape } from "./gpu.ts";

/** How a chunk is cut. A team is 32 invocations. */
export interface MatrixWindowTuning {
  /** Rows (positions x heads of a group) per workgroup: a multiple of 16 `rowTiles`. */
  readonly rows: number;
  /** Tiles of 16 rows that a team has: 1 or 2. */
  readonly rowTiles: 1 | 2;
  /** Most tiles of 16 columns that a team has; 1, 2 or 4. Teams of the same rows share their keys and columns. */
  readonly columnTiles: 1 | 2 | 4;
  /** Keys, then values, in workgroup memory at a time: a multiple of 16. */
  readonly stage: number;
}

/** The choices, best first; a device and a window get the first that fits: all logits of a band lie in workgroup memory. */
export const matrixWindowTunings: readonly MatrixWindowTuning[] = [
  { rows: 32, rowTiles: 1, columnTiles: 2, stage: 64 },
  { rows: 32, rowTiles: 1, columnTiles: 4, stage: 32 },
  { rows: 32, rowTiles: 2, columnTiles: 4, stage: 16 },
  { rows: 16, rowTiles: 1, columnTiles: 4, stage: 16 },
];

const SIDE = 16;
const TEAM = 32;
/** Bytes of a word of workgroup memory: eight halves, four f32. */
const WORD = 16;

interface MatrixForm {
  /** Query heads of a group that share a workgroup. */
  readonly heads: number;
  readonly queries: number;
  readonly split: number;
  readonly threads: number;
  readonly storageBytes: number;
}

function matrixForm(
  { queryHeads, kvHeads, headDim, window }: SlidingWindowShape,
  { rows, rowTiles, columnTiles, stage }: MatrixWindowTuning,
): MatrixForm {
  const group = queryHeads / kvHeads;
  const heads = Math.ceil(group / Math.ceil(group / rows));
  const queries = Math.floor(rows / heads);
  const split = 2 ** Math.ceil(Math.log2(Math.max(1, headDim / SIDE / columnTiles)));
  const columns = split * Math.ceil(headDim / SIDE / split);
  const threads = (rows / (SIDE * rowTiles)) * split * TEAM;
  const operand = 2 * columns + 1;
  const keyTiles = Math.ceil((window + queries - 1) / SIDE);
  const staged = SIDE * split * Math.ceil(stage / SIDE / split);
  const words = (staged + rows) * operand + rows * Math.max(4 * keyTiles + 1, 4 * columns + 1);
  return { heads, queries, split, threads, storageBytes: WORD * words + 4 * (2 * threads + rows) };
}

/** Undefined where the tuning runs, or why it does not. */
export function matrixWindowComplaint(
  shape: SlidingWindowShape,
  traits: DeviceTraits,
  tuning: MatrixWindowTuning,
): string | undefined {
  const { headDim, window } = shape;
  if (traits.matrix === "none") return "the device has no matrix units";
  if (headDim % SIDE !== 0 || headDim > 256) return `d = ${headDim} is no multiple of ${SIDE} up to 256`;
  const { threads, split, storageBytes } = matrixForm(shape, tuning);
  if (storageBytes > traits.workgroupStorageBytes)
    return `w = ${window} needs ${storageBytes} bytes of workgroup storage, the device has ${traits.workgroupStorageBytes}`;
  if (threads > traits.maxInvocations || threads % tuning.rows !== 0)
    return `it needs ${threads} invocations for ${tuning.rows} rows, the device has ${traits.maxInvocations}`;
  if (tuning.stage / SIDE / split > 4) return `${split} teams cannot share ${tuning.stage} keys`;
  return undefined;
}

function chosen(shape: SlidingWindowShape, traits: DeviceTraits, tuning?: MatrixWindowTuning): MatrixWindowTuning {
  const wanted = tuning === undefined ? matrixWindowTunings : [tuning];
  const found = wanted.find((one) => matrixWindowComplaint(shape, traits, one) === undefined);
  if (found !== undefined) return found;
  throw new RangeError(matrixWindowComplaint(shape, traits, wanted.at(-1)!));
}

/** Whether slidingWindowMatrix runs such a shape; where it does not, slidingWindowGpu does. */
export function fitsMatrixWindow(shape: SlidingWindowShape, traits: DeviceTraits): boolean {
  return matrixWindowTunings.some((one) => matrixWindowComplaint(shape, traits, one) === undefined);
}

/**
 * The window branch for a chunk, on matrix units: products of 16-bit operands (q, P rounded), f32 sums.
 *
 * Buffers as of slidingWindowGpu: q f32 [C, Hq, d], rotated, unscaled; k, v halves [Hkv, C, d], the chunk's own; ringK,
 * ringV halves [Hkv, ring, d], position p at row p mod ring, read for max(0, start - w + 1) .. start - 1 only; sinks f32
 * [Hq], minus infinity for none; out f32 [C, Hq, d].
 * @throws RangeError when no tuning, or not this one, fits: see fitsMatrixWindow
 */
export function slidingWindowMatrix(
  shape: SlidingWindowShape,
  traits: DeviceTraits,
  tuning?: MatrixWindowTuning,
): GpuOp<SlidingWindowRun> {
  const { queryHeads, kvHeads, headDim, window } = shape;
  const cut = chosen(shape, traits, tuning);
  const { heads, queries, split } = matrixForm(shape, cut);
  const group = queryHeads / kvHeads;
  const program: GpuProgram = {
    name: "sliding-window/matrix_band",
    sources: [`block-sparse-attention/matrix_pool_${traits.matrix}.wgsl`, "sliding-window/matrix_band.wgsl"],
    directives: matrixDirectives(traits),
    constants: {
      KV_HEADS: kvHeads,
      GROUP: group,
      HEAD_DIM: headDim,
      WINDOW: window,
      QUERIES: queries,
      HEADS: heads,
      ROWS: cut.rows,
      ROW_TILES: cut.rowTiles,
      SPLIT: split,
      STAGE: cut.stage,
      LOGIT_SCALE: Math.LOG2E / Math.sqrt(headDim),
    },
    bindings: { q: "read", k: "read", v: "read", ring_k: "read", ring_v: "read", sinks: "read", out: "read_write" },
    params: { rows: "u32", start: "u32", ring: "u32", stride: "u32" },
  };
  const slices = Math.ceil(group / heads);
  return {
    programs: [program],
    scratch: () => ({}),
    dispatches: ({ rows, start, ring = window }) => {
      const workgroups = spreadWorkgroups(Math.ceil(rows / queries) * kvHeads * slices, traits);
      return [
        {
          program,
          buffers: { q: "q", k: "k", v: "v", ring_k: "ringK", ring_v: "ringV", sinks: "sinks", out: "out" },
          params: { rows, start, ring, stride: workgroups[0] },
          workgroups,
        },
      ];
    },
  };
}
