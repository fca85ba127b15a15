import type { DeviceTraits } from "../gpu-op.ts";

export interface BlockSparseShape {
  /** Hq */
  readonly queryHeads: number;
  /** Hkv */
  readonly kvHeads: number;
  /** Lists of blocks that a query has: Hkv when absent, so that the heads of a group share one, or Hq, one for each head. */
  readonly lists?: number;
  /** d; a multiple of 4. */
  readonly headDim: number;
  /** B */
  readonly block: number;
  /** k / B */
  readonly slots: number;
}

/** Lists of blocks that a query has. */
export function listsOf({ kvHeads, lists = kvHeads }: Pick<BlockSparseShape, "kvHeads" | "lists">): number {
  return lists;
}

export interface BlockSparseRun {
  /** C */
  readonly rows: number;
  /** Position of the first query. */
  readonly start: number;
  /** Row of `blocks` that belongs to the first query. */
  readonly firstRow: number;
}

/** How the tile kernel is cut. Plan and op must be made with the same one. */
export interface BlockSparseTuning {
  /** Query rows (queries x heads of a group) per tile: a power of two, 32 or more. An invocation has eight. */
  readonly rows: number;
  /** Keys per tile, and columns of the output at a time: 16, 32 or 64. A larger block has several parts. */
  readonly keys: number;
  /** Columns of d, or keys, in workgroup memory at a time: 16, 32 or 64. */
  readonly depth: number;
  /** Terms summed in 16 bit before they are flushed to f32: 4, 8 or 16. Means nothing in f32 arithmetic. */
  readonly chunk: number;
  /** What a block's partial result is stored as. */
  readonly partials: "f16" | "f32";
  /**
   * Rows that the kernel takes at a time, where it takes those of a tile one after another: lists are cut into equal tiles
   * then, and none of the portable kernel's limits is meant.
   */
  readonly rowStep?: number;
}

/** The choices, best first; a device gets the first that fits it. */
export const tunings: Readonly<Record<DeviceTraits["arithmetic"], readonly BlockSparseTuning[]>> = {
  f16: [
    { rows: 128, keys: 64, depth: 64, chunk: 16, partials: "f16" },
    { rows: 64, keys: 64, depth: 64, chunk: 16, partials: "f16" },
    { rows: 64, keys: 32, depth: 32, chunk: 16, partials: "f16" },
  ],
  f32: [
    { rows: 64, keys: 64, depth: 32, chunk: 16, partials: "f32" },
    { rows: 64, keys: 32, depth: 32, chunk: 16, partials: "f32" },
  ],
};

export function tuningName({ rows, keys, depth, chunk, partials }: BlockSparseTuning): string {
  return `tile=${rows}x${keys} depth=${depth} chunk=${chunk} partials=${partials}`;
}

/** A tuning laid over a shape: what the programs are made of. */
export interface TileForm extends BlockSparseTuning {
  /** Query heads that read one list: G, or 1. */
  readonly group: number;
  /** Query heads of a list that share a tile: all of them, unless they are more than its rows. */
  readonly groupTile: number;
  /** Queries per tile. */
  readonly queries: number;
  /** A list's tiles are equal but for the last, and of multiples of so many queries. */
  readonly queryStep: number;
  /** Parts of `keys` keys per block, each with a partial result of its own. */
  readonly parts: number;
  /** Workgroups per tile of the plan. */
  readonly shares: number;
  readonly threads: number;
}

/** The form of a tuning, or of the device's default one. @throws RangeError when a size cannot run */
export function tileForm(shape: BlockSparseShape, traits: DeviceTraits, tuning?: BlockSparseTuning): TileForm {
  const form = formOrComplaint(shape, traits, tuning);
  if (typeof form === "string") throw new RangeError(form);
  return form;
}

/** Undefined where the tuning, or the device's default one, runs the shape, or why it does not. */
export function tileComplaint(
  shape: BlockSparseShape,
  traits: DeviceTraits,
  tuning?: BlockSparseTuning,
): string | undefined {
  const form = formOrComplaint(shape, traits, tuning);
  return typeof form === "string" ? form : undefined;
}

function formOrComplaint(shape: BlockSparseShape, traits: DeviceTraits, tuning?: BlockSparseTuning): TileForm | string {
  const { queryHeads, kvHeads, headDim } = shape;
  if (headDim % 4 !== 0) return `d = ${headDim} is no multiple of 4`;
  if (queryHeads % kvHeads !== 0) return `Hq = ${queryHeads} is no multiple of Hkv = ${kvHeads}`;
  const laid = (tuning === undefined ? tunings[traits.arithmetic] : [tuning]).map((one) => laidOver(shape, one));
  return laid.find((one) => complaint(one, traits) === undefined) ?? complaint(laid.at(-1)!, traits)!;
}

function laidOver(shape: BlockSparseShape, tuning: BlockSparseTuning): TileForm {
  const { queryHeads, headDim, block } = shape;
  const group = queryHeads / listsOf(shape);
  const slices = Math.ceil(group / tuning.rows);
  const groupTile = Math.ceil(group / slices);
  const keys = Math.min(tuning.keys, powerOfTwo(block));
  const depth = Math.min(tuning.depth, keys, powerOfTwo(headDim));
  const parts = Math.ceil(block / keys);
  const queries = Math.floor(tuning.rows / groupTile);
  const queryStep = tuning.rowStep === undefined ? queries : Math.max(1, Math.floor(tuning.rowStep / groupTile));
  return {
    ...tuning,
    keys,
    depth,
    group,
    groupTile,
    queries,
    queryStep,
    parts,
    shares: parts * slices,
    threads: (tuning.rows * keys) / 64,
  };
}

/** The smallest one that is at least `size`, and 16. */
function powerOfTwo(size: number): number {
  return Math.max(16, 2 ** Math.ceil(Math.log2(size)));
}

function complaint(form: TileForm, traits: DeviceTraits): string | undefined {
  if (form.rowStep !== undefined) return undefined;
  const { rows, keys, depth, threads } = form;
  const octet = traits.arithmetic === "f16" ? 16 : 32;
  const operands = (octet * (rows * Math.max(depth, keys) + depth * keys)) / 8;
  const bytes = operands + 4 * rows * (keys / 8) + 12 * rows;
  if (bytes > traits.workgroupStorageBytes)
    return `a tile of ${rows}x${keys} needs ${bytes} bytes of workgroup storage, the device has ${traits.workgroupStorageBytes}`;
  if (threads > traits.maxInvocations)
    return `a tile of ${rows}x${keys} needs ${threads} invocations, the device has ${traits.maxInvocations}`;
  return undefined;
}
