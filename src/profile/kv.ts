import { planOf } from "../designs/designs.ts";
import { keptVectors, streamsOf } from "../designs/plan.ts";
import type { Variant } from "../engine/engine.ts";
import type { Architecture } from "../model/architecture.ts";

/**
 * KV-cache bytes per layer for `tokens` in context, by the design's plan: 2 * Hkv * d * b for every row that the layer keeps
 * (T in one that keeps everything, min(T, w) in one that keeps a window; what it borrows from another costs it nothing), the
 * same for every further set of keys and values, and Hkv * d * b for the mean of every block, where it keeps means.
 */
export function predictedKvBytes(a: Architecture, variant: Variant, tokens: number, bytesPerValue: number): number[] {
  const vectorBytes = a.kvHeads * a.headDim * bytesPerValue;
  return planOf(a, variant).map((layer) => vectorBytes * keptVectors(streamsOf(layer), tokens));
}
