import type { NumericArray } from "../numeric-array.ts";

/**
 * The row of a position in the cache of a window, `rows` of one KV head: the first of the context keep the rows that they
 * come to, all others take turns in what is left. A cache that holds every position so far has each at its own number.
 */
export function ringRow(position: number, rows: number, first = 0): number {
  return position < first ? position : first + ((position - first) % (rows - first));
}

/** Keys (or values) of a chunk and of what it sees before it, as kernels find them. */
export interface Cut {
  /** [Hkv, ring, d]; NaN in rows that no query of the chunk may read. */
  readonly ring: Float32Array;
  /** [Hkv, C, d] */
  readonly chunk: Float32Array;
}

/**
 * Cuts rows as the reference takes them (see SlidingWindowInput; `held` of each head, of which the last may be spare) into
 * the chunk's own and a ring of `ring` rows.
 */
export function cutForRing(
  rows: NumericArray,
  shape: {
    readonly kvHeads: number;
    readonly headDim: number;
    readonly start: number;
    /** C */
    readonly rows: number;
    readonly ring: number;
    readonly from: number;
    readonly first?: number;
  },
): Cut {
  const { kvHeads, headDim: d, start, rows: count, ring: turns, from, first = 0 } = shape;
  const held = rows.length / (kvHeads * d);
  const ring = new Float32Array(kvHeads * turns * d).fill(NaN);
  const chunk = new Float32Array(kvHeads * count * d);
  for (let head = 0; head < kvHeads; head++) {
    for (let r = 0; r < held; r++) {
      const position = r < first ? r : from + r - first;
      const row = rows.subarray((head * held + r) * d, (head * held + r + 1) * d);
      if (position < start) ring.set(row, (head * turns + ringRow(position, turns, first)) * d);
      else if (position < start + count) chunk.set(row, (head * count + position - start) * d);
    }
  }
  return { ring, chunk };
}
