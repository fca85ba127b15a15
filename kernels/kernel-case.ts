/** One size of an op worth checking. `inputs` draws fresh random inputs; the same seed draws the same ones. */
export interface KernelCase<Input> {
  /** Says the sizes, so that a failure can be read without opening the file. */
  readonly name: string;
  readonly inputs: (seed: number) => Input;
}

/** Heads that a case is drawn from. */
export interface CaseHeads {
  /** Hkv */
  readonly kvHeads: number;
  /** G */
  readonly group: number;
  /** d */
  readonly headDim: number;
}

/** A chunk of queries that a case is drawn from. */
export interface CaseChunk extends CaseHeads {
  /** C */
  readonly rows: number;
  /** Position of row 0. */
  readonly start: number;
}

/** The lengths around the edge of a tile, block or window of `size`: 1, size - 1, size, size + 1, 2 size + 1. */
export function aroundEdge(size: number): number[] {
  return [...new Set([1, size - 1, size, size + 1, 2 * size + 1])].filter((length) => length >= 1);
}

/** [...head, room, d] values whose last `room - used` rows are NaN: a kernel that reads reserved room is found out. */
export function poisonRoom(values: Float32Array, heads: number, room: number, used: number, d: number): Float32Array {
  for (let head = 0; head < heads; head++) values.fill(NaN, (head * room + used) * d, (head + 1) * room * d);
  return values;
}
