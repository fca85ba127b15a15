import { piecesOf } from "../attention/pieces.ts";
import { boundByName, singleOp, spreadDispatch, type DeviceTraits, type GpuOp, type GpuProgram } from "../gpu-op.ts";

export interface SlidingWindowShape {
  readonly queryHeads: number;
  readonly kvHeads: number;
  /** d; a multiple of 4. */
  readonly headDim: number;
  /** w */
  readonly window: number;
  /** F: positions 0 .. F - 1 are seen, and kept, beside the window; 0 when absent. */
  readonly first?: number;
}

export interface SlidingWindowRun {
  /** C */
  readonly rows: number;
  /** Position of the chunk's first row. */
  readonly start: number;
  /** Rows of the ring per head, min(T, F + w), positions in them by ringRow; F + w when absent. */
  readonly ring?: number;
}

/** A tile of logits: rows (positions times heads), a multiple of 4, by keysEach * lanes keys; rows / 4 * lanes invocations. */
export interface SlidingWindowTuning {
  readonly rows: number;
  readonly keysEach: number;
  readonly lanes: number;
  /** Fetch the next tile's keys during P V. */
  readonly prefetch: boolean;
}

/** The default first. */
export const slidingWindowTunings: readonly SlidingWindowTuning[] = [
  { rows: 64, keysEach: 6, lanes: 8, prefetch: false },
  { rows: 64, keysEach: 6, lanes: 8, prefetch: true },
  { rows: 64, keysEach: 4, lanes: 8, prefetch: false },
  { rows: 96, keysEach: 4, lanes: 8, prefetch: false },
  { rows: 32, keysEach: 6, lanes: 8, prefetch: false },
  { rows: 64, keysEach: 4, lanes: 16, prefetch: false },
];

/** What a small device falls back to. */
const SMALLER: readonly SlidingWindowTuning[] = [64, 32, 16, 8, 4].flatMap((rows) =>
  [4, 2, 1].map((keysEach) => ({ rows, keysEach, lanes: 8, prefetch: false })),
);

const APPEND_WIDTH = 64;

/** Buffers of the ring by the names of their bindings. */
export const RING_NAMES = { ring_k: "ringK", ring_v: "ringV" } as const;

/** Whether a tuning's tiles fit the device. */
export function slidingWindowFits(headDim: number, tuning: SlidingWindowTuning, traits: DeviceTraits): boolean {
  const { rows, keysEach, lanes } = tuning;
  const quad = traits.arithmetic === "f16" ? 8 : 16;
  const { size } = piecesOf(headDim);
  const keys = keysEach * lanes;
  const width = (rows / 4) * lanes;
  const bytes = rows * (headDim / 4 + 1) * quad + keys * (headDim + size) * 2 + keys * (rows / 4) * quad + width * 16;
  return width <= traits.maxInvocations && bytes <= traits.workgroupStorageBytes;
}

function requireQuads(headDim: number): void {
  if (headDim % 4 !== 0) throw new Error(`d = ${headDim} is no multiple of 4`);
}

/**
 * The window branch for a chunk.
 *
 * Buffers: q f32 [C, Hq, d]; k, v 16-bit [Hkv, C, d], the chunk's own; ringK, ringV 16-bit [Hkv, ring, d], positions in them
 * by ringRow, read for 0 .. F - 1 and max(0, start - w + 1) .. start - 1 only; sinks f32 [Hq], minus infinity for none; out
 * f32 [C, Hq, d].
 * @throws Error when d is no multiple of 4
 */
export function slidingWindowGpu(
  { queryHeads, kvHeads, headDim, window, first = 0 }: SlidingWindowShape,
  traits: DeviceTraits,
  wanted: SlidingWindowTuning = slidingWindowTunings[0]!,
): GpuOp<SlidingWindowRun> {
  requireQuads(headDim);
  const tuning = [wanted, ...SMALLER].find((one) => slidingWindowFits(headDim, one, traits));
  if (tuning === undefined) throw new Error(`sliding-window: d = ${headDim} does not fit the workgroup storage`);
  const group = queryHeads / kvHeads;
  const heads = Math.min(group, tuning.rows);
  const queries = Math.floor(tuning.rows / heads);
  const piece = piecesOf(headDim);
  const program: GpuProgram = {
    name: "sliding-window/band_tiles",
    sources: [...piece.sources, "sliding-window/ring_row.wgsl", "sliding-window/band_tiles.wgsl"],
    aliases: piece.aliases,
    constants: {
      ...piece.constants,
      KV_HEADS: kvHeads,
      GROUP: group,
      HEADS: heads,
      QUERIES: queries,
      PIECES: headDim / piece.size,
      WINDOW: window,
      FIRST: first,
      TILE_ROWS: tuning.rows,
      KEYS_EACH: tuning.keysEach,
      LANES: tuning.lanes,
      PREFETCH: tuning.prefetch,
      LOGIT_SCALE: Math.LOG2E / Math.sqrt(headDim),
    },
    bindings: {
      q: "read",
      k: "read",
      v: "read",
      ring_k: "read",
      ring_v: "read",
      sinks: "read",
      out: "read_write",
    },
    params: { rows: "u32", start: "u32", ring: "u32" },
  };
  return singleOp(program, ({ rows, start, ring = first + window }) => ({
    program,
    buffers: boundByName(program, RING_NAMES),
    params: { rows, start, ring },
    workgroups: [Math.ceil(rows / queries), kvHeads, Math.ceil(group / heads)],
  }));
}

/**
 * Keeps a chunk's rows of the first F tokens and the last w of others for the queries after it; to run after the chunk's own
 * attention.
 *
 * Buffers: k, v 16-bit [Hkv, C, d]; ringK, ringV 16-bit [Hkv, ring, d], written by ringRow.
 * @throws Error when d is no multiple of 4
 */
export function ringAppendGpu(
  { kvHeads, headDim, window, first = 0 }: Omit<SlidingWindowShape, "queryHeads">,
  traits: DeviceTraits,
): GpuOp<SlidingWindowRun> {
  requireQuads(headDim);
  const program: GpuProgram = {
    name: "sliding-window/append_ring",
    sources: ["sliding-window/ring_row.wgsl", "sliding-window/append_ring.wgsl"],
    constants: { KV_HEADS: kvHeads, HEAD_DIM: headDim, FIRST: first, WIDTH: APPEND_WIDTH },
    bindings: { k: "read", v: "read", ring_k: "read_write", ring_v: "read_write" },
    params: { rows: "u32", start: "u32", stay: "u32", kept: "u32", stride: "u32", ring: "u32" },
  };
  return singleOp(program, ({ rows, start, ring = first + window }) => {
    const stay = Math.min(rows, Math.max(0, first - start));
    const kept = stay + Math.min(rows - stay, Math.max(0, ring - first));
    const workgroups = Math.ceil((kvHeads * kept * headDim) / 4 / APPEND_WIDTH);
    return spreadDispatch(program, traits, workgroups, { rows, start, stay, kept, ring }, RING_NAMES);
  });
}
