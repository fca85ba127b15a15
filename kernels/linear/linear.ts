import type { NumericArray } from "../numeric-array.ts";

/** A projection without bias; weights row-major [out, in] as PyTorch's Linear stores them. */
export interface LinearInput {
  /** [C, In] */
  readonly x: NumericArray;
  /** [Out, In] */
  readonly weight: NumericArray;
  /** In; Out follows from the weight's length. */
  readonly inputs: number;
}

/** y = x W^T. [C, Out] */
export type Linear = (input: LinearInput) => Float64Array;
