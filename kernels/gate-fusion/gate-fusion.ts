import type { NumericArray } from "../numeric-array.ts";

/** Mixes the two branches of a sparse layer. */
export interface GateFusionInput {
  /** o~ [C, Hq, d] */
  readonly sparse: NumericArray;
  /** o' [C, Hq, d] */
  readonly window: NumericArray;
  /** W_g~ x, before the sigmoid: [C, Hq] for gates of kind `head`, [C, Hq * d] for `element`. */
  readonly sparseGate: NumericArray;
  /** W_g' x, same shape. */
  readonly windowGate: NumericArray;
  readonly queryHeads: number;
  readonly headDim: number;
  /** One gate per query head, or one per value. */
  readonly kind: "head" | "element";
}

/** o [C, Hq, d] */
export type GateFusion = (input: GateFusionInput) => Float64Array;
