import { sum } from "simple-statistics";
import { studentT } from "./student-t.ts";

/** Consecutive tokens of a segment: neighbours share their subject, so single tokens would make the interval too narrow. */
const SEGMENT = 256;

/** Shorter documents are cut into this many shorter segments. */
const FEWEST = 8;

/** Tokens below which there are no segments worth the name. */
export const FEWEST_TOKENS = 2 * FEWEST;

/** Bits per byte added, with its 95 % interval. */
export interface Added {
  readonly added: number;
  readonly low: number;
  readonly high: number;
}

/** Tokens per segment for a text of so many; the last segment also takes the remainder. */
export function segmentTokens(tokens: number): number {
  return Math.min(SEGMENT, Math.floor(tokens / FEWEST));
}

/**
 * The ratio of two sums over a text's tokens, e.g. bits to bytes, with a 95 % t-interval that takes segments of
 * consecutive tokens as independent: the standard error is that of the segments' differences from the common ratio.
 * @param values, sizes of at least FEWEST_TOKENS tokens
 */
export function pairedInterval(values: Float64Array, sizes: Float64Array): Added {
  const length = segmentTokens(values.length);
  const count = Math.floor(values.length / length);
  const cut = (all: Float64Array): number[] =>
    Array.from({ length: count }, (_, i) =>
      sum([...all.subarray(i * length, i === count - 1 ? all.length : (i + 1) * length)]),
    );
  const [parts, bases] = [cut(values), cut(sizes)];
  const whole = sum(bases);
  const added = sum(parts) / whole;
  const squares = sum(parts.map((part, i) => (part - added * bases[i]!) ** 2));
  const reach = (studentT(count - 1) * Math.sqrt((count / (count - 1)) * squares)) / whole;
  return { added, low: added - reach, high: added + reach };
}
