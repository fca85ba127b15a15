import type { NumericArray } from "../numeric-array.ts";

/** The product in the middle of the MLP: down(silu(gate x) * up x). */
export interface SwigluInput {
  /** gate x, [C, F] */
  readonly gate: NumericArray;
  /** up x, [C, F] */
  readonly up: NumericArray;
}

/** y = gate * sigmoid(gate) * up, value by value. [C, F] */
export type Swiglu = (input: SwigluInput) => Float64Array;
