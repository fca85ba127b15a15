import { keptRows, type LayerPlan } from "../../designs/plan.ts";
import type { Architecture } from "../../model/architecture.ts";
import { contextBytes } from "../decoder/estimate.ts";

const FLOAT64 = 8;

/**
 * Bytes that a prefill of `tokens` holds at most beside the model's weights: KV caches, the record of the selection, and the
 * arrays of the widest layer for one chunk. Arrays that are garbage but not yet collected are not counted.
 */
export function estimateBytes(a: Architecture, plan: readonly LayerPlan[], tokens: number, chunk: number): number {
  const kvWidth = a.kvHeads * a.headDim;
  const qWidth = a.queryHeads * a.headDim;
  const rows = Math.min(chunk, tokens);
  const blocks = Math.ceil(tokens / a.block);
  const rings = plan.map(({ keeps }) => (keeps.kind === "ring" ? keptRows(keeps, tokens) : 0));

  const gates = 2 * (a.gate === "head" ? a.queryHeads : qWidth);
  // hidden, its norm, and the residual sum; queries before and after RoPE, both branches and their mix; new k, v.
  const attention =
    rows * (3 * a.hidden + 5 * qWidth + 3 * kvWidth + gates) +
    2 * kvWidth * Math.min(tokens, rows + Math.max(...rings));
  // Block scores before and after the group maximum, and as handed to an observer; the probabilities of one query.
  const scored = plan.some((layer) => layer.scores);
  const scores = scored ? rows * blocks * (a.queryHeads + 2 * a.kvHeads) + tokens : tokens;
  const mlp = rows * (3 * a.hidden + 3 * a.intermediate);
  const workspace = (Math.max(attention + scores, mlp) + 2 * a.vocabulary) * FLOAT64;
  return contextBytes(plan, a, tokens, FLOAT64) + workspace;
}
