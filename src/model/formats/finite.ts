import { UserError } from "../errors.ts";
import type { LazyTensor, Values } from "../tensor.ts";

/** Bits of a binary16 exponent: all set in what is infinite or not a number. */
const EXPONENT = 0x7c00;

/**
 * The same tensor, whose values are looked at whenever they are read: files of many gigabytes are not read beforehand.
 * @param source the file, for messages
 */
export function finite(tensor: LazyTensor, name: string, source: string): LazyTensor {
  return {
    dtype: tensor.dtype,
    shape: tensor.shape,
    read: async (out, from = 0) => {
      await tensor.read(out, from);
      const at = firstNotFinite(out);
      if (at === undefined) return;
      const value = `value ${from + at} of ${name}`;
      throw new UserError(
        out instanceof Float32Array
          ? `${source}: ${value} is ${out[at]}. The training diverged or the file is damaged: use another checkpoint.`
          : `${source}: ${value} is no number that 16 bits can hold. Run it on the CPU, which keeps 32 bits, or use another checkpoint.`,
      );
    },
  };
}

function firstNotFinite(values: Values): number | undefined {
  if (values instanceof Float32Array) {
    // A sum of zeros, unless there is a value whose product with zero is none: without a branch per value.
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += values[i]! * 0;
    return sum === 0 ? undefined : values.findIndex((value) => !Number.isFinite(value));
  }
  const at = values.findIndex((bits) => (bits & EXPONENT) === EXPONENT);
  return at === -1 ? undefined : at;
}
