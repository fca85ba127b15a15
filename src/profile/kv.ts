import type { Variant } from "../engine/engine.ts";
import { layerKinds } from "../engine/kinds.ts";
import type { Architecture } from "../model/architecture.ts";

/**
 * KV-cache bytes per layer for `tokens` in context, by the formula of hysparse.md: 2 * Hkv * d * b * T for a full layer,
 * 2 * Hkv * d * b * min(T, w) for one that keeps a window (a sparse layer borrows the rest from its oracle).
 */
export function predictedKvBytes(a: Architecture, variant: Variant, tokens: number, bytesPerValue: number): number[] {
  return layerKinds(a, variant).map(
    (kind) => 2 * a.kvHeads * a.headDim * bytesPerValue * (kind === "full" ? tokens : Math.min(tokens, a.window)),
  );
}
