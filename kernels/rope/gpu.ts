import { singleOp, spreadDispatch, type DeviceTraits, type GpuOp, type GpuProgram } from "../gpu-op.ts";
import { ropeFrequency, type RopeTurn } from "./rope.ts";

export interface RopeSplitShape {
  readonly queryHeads: number;
  readonly kvHeads: number;
  /** d; a multiple of 4. */
  readonly headDim: number;
  /** Columns of a projected row after q, k and v: the gates' logits. */
  readonly extra: number;
}

export interface RopeSplitRun {
  /** C */
  readonly rows: number;
  /** Position of row 0. */
  readonly start: number;
  /** Rows per head of k and v. */
  readonly room: number;
  /** Row of each head where row 0 is filed. */
  readonly firstRow: number;
}

/** Positions per entry of the coarse table, and entries of the fine one. */
const SPAN = 256;
const WIDTH = 256;

/**
 * Cosines and sines for positions 0 .. positions - 1, computed in float64: `coarse` f32 [ceil(positions / 256), d / 2, 2]
 * of the angles 256 a f, times the turn's scale, `fine` f32 [256, d / 2, 2] of b f, with f = ropeFrequency of pair i;
 * position = 256 a + b.
 */
export function ropeTables(
  headDim: number,
  turn: RopeTurn,
  positions: number,
): { readonly coarse: Float32Array<ArrayBuffer>; readonly fine: Float32Array<ArrayBuffer> } {
  const table = (entries: number, step: number, scale: number): Float32Array<ArrayBuffer> => {
    const half = headDim / 2;
    const values = new Float32Array(entries * half * 2);
    for (let i = 0; i < half; i++) {
      const theta = ropeFrequency(turn, headDim, i);
      for (let entry = 0; entry < entries; entry++) {
        const angle = entry * step * theta;
        values[(entry * half + i) * 2] = scale * Math.cos(angle);
        values[(entry * half + i) * 2 + 1] = scale * Math.sin(angle);
      }
    }
    return values;
  };
  return { coarse: table(Math.ceil(positions / SPAN), SPAN, turn.scale ?? 1), fine: table(SPAN, 1, 1) };
}

/**
 * Cuts projected rows into heads, turns q and k (rope.ts) and files k and v in the cache.
 *
 * Buffers: projected f32 [C, (Hq + 2 Hkv) d + extra], each row q | k | v | extra; coarse, fine: `ropeTables`, for at
 * least start + C positions; q f32 [C, Hq, d]; k, v halves [Hkv, room, d], of which rows firstRow .. firstRow + C - 1 of
 * each head are written.
 */
export function ropeSplitGpu(
  { queryHeads, kvHeads, headDim, extra }: RopeSplitShape,
  traits: DeviceTraits,
): GpuOp<RopeSplitRun> {
  if (headDim % 4 !== 0) throw new Error(`d = ${headDim} is no multiple of 4`);
  const program: GpuProgram = {
    name: "rope/split_heads",
    sources: ["rope/split_heads.wgsl"],
    constants: { QUERY_HEADS: queryHeads, KV_HEADS: kvHeads, HEAD_DIM: headDim, EXTRA: extra, WIDTH },
    bindings: { projected: "read", coarse: "read", fine: "read", q: "read_write", k: "read_write", v: "read_write" },
    params: { rows: "u32", start: "u32", room: "u32", first_row: "u32", stride: "u32" },
  };
  const lanesPerRow = (queryHeads + 2 * kvHeads) * (headDim / 4);
  return singleOp(program, ({ rows, start, room, firstRow }) => {
    if (firstRow + rows > room) throw new Error(`rows ${firstRow} to ${firstRow + rows - 1} exceed a room of ${room}`);
    const workgroups = Math.ceil((rows * lanesPerRow) / WIDTH);
    return spreadDispatch(program, traits, workgroups, { rows, start, room, first_row: firstRow });
  });
}
