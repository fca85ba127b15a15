import { selectedBlocks, type Architecture } from "../model/architecture.ts";
import { groupSize } from "../model/decoder.ts";

/** Where one query looks: its exact softmax over all keys it sees, by block. */
export interface Attended {
  /** Blocks that hold a visible key, the last of them perhaps only in part. */
  readonly visible: number;
  /** Share of each query head's softmax. [Hq, visible] */
  readonly mass: Float64Array;
  /** The part of that share whose keys lie in the sliding window. [Hq, visible] */
  readonly inWindow: Float64Array;
  /** Block-max probability S (HySparse, eq. 3), the maximum of each KV head's group. [Hkv, visible] */
  readonly scores: Float64Array;
}

/** Told of each query head's probabilities of the keys 0 .. position; the array is only valid during the call. */
export type OnProbabilities = (head: number, probabilities: Float64Array) => void;

/**
 * Softmax attention of the query at `position` over the keys 0 .. position, in float64, without sinks.
 * @param query [Hq, d] after RoPE
 * @param keys [T, Hkv, d] after RoPE, T > position
 */
export function attended(
  a: Architecture,
  query: Float32Array,
  keys: Float32Array,
  position: number,
  onProbabilities?: OnProbabilities,
): Attended {
  const { queryHeads, kvHeads, headDim, block, window } = a;
  const group = groupSize(a);
  const visible = Math.floor(position / block) + 1;
  const mass = new Float64Array(queryHeads * visible);
  const inWindow = new Float64Array(queryHeads * visible);
  const scores = new Float64Array(kvHeads * visible);
  const weights = new Float64Array(position + 1);
  for (let head = 0; head < queryHeads; head++) {
    const kvHead = Math.floor(head / group);
    const total = exponentials(weights, query.subarray(head * headDim, (head + 1) * headDim), keys, kvHead, kvHeads);
    for (let key = 0; key <= position; key++) {
      const index = Math.floor(key / block);
      const probability = (weights[key]! /= total);
      const at = head * visible + index;
      mass[at]! += probability;
      if (key > position - window) inWindow[at]! += probability;
      const best = kvHead * visible + index;
      scores[best] = Math.max(scores[best]!, probability);
    }
    onProbabilities?.(head, weights);
  }
  return { visible, mass, inWindow, scores };
}

/** exp of each logit less the greatest, into `weights`; returns their sum. */
function exponentials(
  weights: Float64Array,
  query: Float32Array,
  keys: Float32Array,
  kvHead: number,
  kvHeads: number,
): number {
  const width = query.length;
  const scale = 1 / Math.sqrt(width);
  let greatest = -Infinity;
  for (let key = 0; key < weights.length; key++) {
    const at = (key * kvHeads + kvHead) * width;
    let logit = 0;
    for (let i = 0; i < width; i++) logit += query[i]! * keys[at + i]!;
    weights[key] = logit * scale;
    greatest = Math.max(greatest, weights[key]!);
  }
  let total = 0;
  for (let key = 0; key < weights.length; key++) total += weights[key] = Math.exp(weights[key]! - greatest);
  return total;
}

/** The blocks that each KV head would select by these scores: the k / B highest, ties to the lower index; ascending. */
export function topBlocks(a: Architecture, looked: Attended): number[][] {
  return Array.from({ length: a.kvHeads }, (_, kvHead) =>
    rankedBlocks(looked, kvHead)
      .slice(0, selectedBlocks(a))
      .sort((i, j) => i - j),
  );
}

/** The blocks that a KV head sees, highest score first, ties to the lower index. */
export function rankedBlocks({ scores, visible }: Attended, kvHead: number): number[] {
  const own = scores.subarray(kvHead * visible, (kvHead + 1) * visible);
  return Array.from(own, (_, index) => index).sort((i, j) => own[j]! - own[i]! || i - j);
}
