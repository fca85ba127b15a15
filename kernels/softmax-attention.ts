import type { NumericArray } from "./numeric-array.ts";

/** Keys `from` (inclusive) to `to` (exclusive), as rows of a [rows, d] array. */
export interface KeyRange {
  readonly from: number;
  readonly to: number;
}

/** One query of one head against the keys it may see. */
export interface OneQuery {
  /** [d] */
  readonly query: NumericArray;
  /** [rows, d], the rows of this query's KV head. */
  readonly keys: NumericArray;
  /** [rows, d] */
  readonly values: NumericArray;
  /** The rows that are visible; they must not overlap. No other row is read. */
  readonly visible: readonly KeyRange[];
  /** One extra logit in the denominator that has no value (as in gpt-oss); minus infinity for none. */
  readonly sink: number;
}

/**
 * Softmax attention of one query, the sum that all three attention references are made of (HySparse, arXiv 2602.03560,
 * eq. 1-2; the sink is the one of eq. 4-9):
 * p_j = exp(q.k_j / sqrt(d)) / (exp(sink) + sum_i exp(q.k_i / sqrt(d))), out = sum_j p_j v_j.
 *
 * Writes `out` [d] and returns the probabilities in the order of `visible`. With no visible key `out` is zero.
 */
export function attendOne({ query, keys, values, visible, sink }: OneQuery, out: Float64Array): Float64Array {
  const d = query.length;
  const probabilities = new Float64Array(visible.reduce((sum, { from, to }) => sum + to - from, 0));

  let n = 0;
  let highest = sink;
  for (const { from, to } of visible) {
    for (let j = from; j < to; j++) {
      const row = j * d;
      let dot = 0;
      for (let c = 0; c < d; c++) dot += query[c]! * keys[row + c]!;
      const logit = dot / Math.sqrt(d);
      probabilities[n++] = logit;
      highest = Math.max(highest, logit);
    }
  }

  // The largest logit, the sink included, is taken from all of them: no exponential overflows.
  let denominator = sink === -Infinity ? 0 : Math.exp(sink - highest);
  for (let i = 0; i < n; i++) {
    probabilities[i] = Math.exp(probabilities[i]! - highest);
    denominator += probabilities[i]!;
  }
  for (let i = 0; i < n; i++) probabilities[i]! /= denominator;

  out.fill(0);
  n = 0;
  for (const { from, to } of visible) {
    for (let j = from; j < to; j++, n++) {
      const row = j * d;
      const p = probabilities[n]!;
      for (let c = 0; c < d; c++) out[c]! += p * values[row + c]!;
    }
  }
  return probabilities;
}
