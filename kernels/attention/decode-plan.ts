import type { DeviceTraits } from "../gpu-op.ts";
import { piecesOf, type Pieces } from "./pieces.ts";

/** How a workgroup of attend_keys.wgsl is laid out. Sizes are what is wanted: `planAttend` shrinks them to the device. */
export interface AttendTuning {
  /** Invocations per workgroup. */
  readonly threads: number;
  /** Query heads per invocation: 4 or 8. */
  readonly heads: number;
  /** Pieces of 8 dims of a query per invocation: more of them, fewer partial dot products and more registers. */
  readonly queryPieces: number;
  /** Keys per invocation and step. */
  readonly keysEach: number;
  /** V loads per invocation and step, at most 16. */
  readonly valuesEach: number;
  /** Keys per tile, a power of two. */
  readonly tile: number;
  /** Products q.k in 16 bits where the device has them. Costs accuracy as logits grow. */
  readonly arithDots: boolean;
  /** Products p.v in 16 bits where the device has them. */
  readonly arithSums: boolean;
}

export interface AttendPlan {
  readonly constants: Readonly<Record<string, number | boolean>>;
  readonly pieces: Pieces;
  /** Workgroups that share a KV head because its query heads do not fit one. */
  readonly chunks: number;
  /** Keys per tile. */
  readonly tile: number;
}

interface Layout {
  readonly rows: number;
  readonly headGroups: number;
  readonly keysEach: number;
  readonly tile: number;
}

const SUB = 16;

function powerOfTwoBelow(size: number): number {
  return size < 1 ? 0 : 2 ** Math.floor(Math.log2(size));
}

/**
 * The constants of attend_keys.wgsl for G query heads per KV head: the largest layout within the tuning that the device's
 * invocations and workgroup storage allow. `divisor`, where given, is a size whose runs of keys need maxima.
 * @throws Error when d is no multiple of 4 or nothing fits
 */
export function planAttend(
  { group, headDim, divisor }: { readonly group: number; readonly headDim: number; readonly divisor?: number },
  tuning: AttendTuning,
  traits: DeviceTraits,
): AttendPlan {
  if (headDim % 4 !== 0) throw new Error(`d = ${headDim} is no multiple of 4`);
  const piece = piecesOf(headDim);
  const pieces = headDim / piece.size;
  const queryPieces = pieces % tuning.queryPieces === 0 ? tuning.queryPieces : 1;
  const heads = group <= 4 ? 4 : tuning.heads;
  const threads = Math.min(tuning.threads, traits.maxInvocations);
  const sub = Array.from({ length: SUB }, (_, i) => SUB - i).find((size) => (divisor ?? SUB) % size === 0) ?? 1;

  const step = ({ rows, keysEach }: Layout): number => rows * queryPieces * keysEach;
  const bytes = (layout: Layout): number => {
    const here = heads * layout.headGroups;
    const width = pieces * layout.headGroups * layout.rows;
    const exchange = Math.max(step(layout) * (pieces / queryPieces + 1) * here, width * piece.size);
    return 4 * (layout.tile * here + exchange + (Math.ceil(layout.tile / sub) + 1) * here);
  };
  const layouts = function* (): Generator<Layout> {
    for (let headGroups = Math.ceil(group / heads); headGroups >= 1; headGroups--) {
      for (let rows = powerOfTwoBelow(threads / (pieces * headGroups)); rows >= 1; rows /= 2) {
        for (let keysEach = tuning.keysEach; keysEach >= 1; keysEach /= 2) {
          for (let tile = tuning.tile; tile >= 32; tile /= 2) yield { rows, headGroups, keysEach, tile };
        }
      }
    }
  };
  for (const layout of layouts()) {
    const { rows, headGroups, keysEach, tile } = layout;
    const fits = bytes(layout) <= traits.workgroupStorageBytes && step(layout) <= tile;
    if (!fits || (pieces * rows) % heads !== 0) continue;
    return {
      constants: {
        ...piece.constants,
        GROUP: group,
        HEADS: heads,
        HEAD_GROUPS: headGroups,
        PIECES: pieces,
        QUERY_PIECES: queryPieces,
        ROWS: rows,
        KEYS_EACH: keysEach,
        VALUES_EACH: Math.min(tuning.valuesEach, 16, Math.max(1, tile / rows)),
        TILE: tile,
        SUB: sub,
        LOGIT_SCALE: Math.LOG2E / Math.sqrt(headDim),
        ARITH_DOTS: tuning.arithDots,
        ARITH_SUMS: tuning.arithSums,
      },
      pieces: piece,
      chunks: Math.ceil(group / (heads * headGroups)),
      tile,
    };
  }
  throw new Error(`attention with G = ${group}, d = ${headDim} does not fit ${traits.workgroupStorageBytes} bytes`);
}
