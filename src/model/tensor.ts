import { toHalves } from "./float16.ts";

/** What engines keep values as: float32, or the bits of binary16. */
export type Values = Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;

/** A tensor that nobody holds yet: it lies in a file, or is made when it is asked for. */
export interface LazyTensor {
  /** The type it is stored as, in the words of its format. */
  readonly dtype: string;
  /** Row-major. */
  readonly shape: readonly number[];
  /**
   * Fills `out` with as many values from the one at `from` (0 when absent) on: float32, or the bits of the nearest binary16
   * where `out` is a Uint16Array. `from` is a multiple of PIECE, so that formats may store values in groups.
   * @throws UserError when the file cannot be read any more, or has changed
   */
  read(out: Values, from?: number): Promise<void>;
}

/** Values that are read at a time by whoever does not need a tensor as a whole: 2 MiB as binary16. */
export const PIECE = 1 << 20;

/** Values in a tensor of this shape. */
export function valueCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** A tensor of computed values. @param fill writes those from the one at `from` on, the same on every call */
export function computedTensor(shape: readonly number[], fill: (out: Float32Array, from: number) => void): LazyTensor {
  return {
    dtype: "F32",
    shape,
    read: (out, from = 0) => {
      if (out instanceof Float32Array) {
        fill(out, from);
      } else {
        const values = new Float32Array(out.length);
        fill(values, from);
        toHalves(values, out);
      }
      return Promise.resolve();
    },
  };
}
