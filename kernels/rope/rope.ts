import type { NumericArray } from "../numeric-array.ts";

/** How fast the pairs of a head turn. */
export interface RopeTurn {
  readonly base: number;
  /** What the frequency of each pair is divided by, [d / 2]: scaled contexts; 1 when absent, Infinity for no turn at all. */
  readonly factors?: readonly number[] | undefined;
  /** What cosines and sines are multiplied by; 1 when absent. */
  readonly scale?: number | undefined;
}

/** Radians per position of pair i of d / 2: base^(-2 i / d) / factor. */
export function ropeFrequency({ base, factors }: RopeTurn, headDim: number, i: number): number {
  return base ** ((-2 * i) / headDim) / (factors?.[i] ?? 1);
}

/** Rotary position embedding over the whole head dim, in the rotate-half (NeoX) pairing. */
export interface RopeInput extends RopeTurn {
  /** [C, H, d], H query or KV heads; d even. */
  readonly x: NumericArray;
  readonly heads: number;
  readonly headDim: number;
  /** Absolute position of row 0; row c stands at start + c. */
  readonly start: number;
}

/**
 * With angle = (start + c) * ropeFrequency, the pair (x[i], x[i + d / 2]) is turned by it:
 * y[i] = x[i] cos - x[i + d / 2] sin, y[i + d / 2] = x[i + d / 2] cos + x[i] sin, both times scale. [C, H, d]
 */
export type Rope = (input: RopeInput) => Float64Array;
