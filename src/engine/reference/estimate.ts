import { fedBy, schedule, selectedBlocks, type Architecture } from "../../model/architecture.ts";
import type { Variant } from "../engine.ts";
import { layerKinds } from "../kinds.ts";

const FLOAT64 = 8;
/** A block index of at most 32 bits and its 32-bit score. */
const SELECTION_ENTRY = 8;

/**
 * Bytes that a prefill of `tokens` holds at most beside the model's own weights, which the engine reads in place: KV
 * caches, the record of the selection, and the arrays of the widest layer for one chunk. Arrays that are garbage but not
 * yet collected are not counted.
 */
export function estimateBytes(a: Architecture, variant: Variant, tokens: number, chunk: number): number {
  const kvWidth = a.kvHeads * a.headDim;
  const qWidth = a.queryHeads * a.headDim;
  const rows = Math.min(chunk, tokens);
  const blocks = Math.ceil(tokens / a.block);

  const cachedRows = layerKinds(a, variant).map((kind) => (kind === "full" ? tokens : Math.min(tokens, a.window)));
  const caches = cachedRows.reduce((sum, cached) => sum + 2 * kvWidth * cached * FLOAT64, 0);

  const kinds = schedule(a);
  const oracles = variant === "hysparse" ? kinds.filter((_, layer) => fedBy(kinds, layer).length > 0).length : 0;
  const selection = oracles * tokens * a.kvHeads * selectedBlocks(a) * SELECTION_ENTRY;

  const gates = 2 * (a.gate === "head" ? a.queryHeads : qWidth);
  // hidden, its norm, and the residual sum; queries before and after RoPE, both branches and their mix; new k, v.
  const attention =
    rows * (3 * a.hidden + 5 * qWidth + 3 * kvWidth + gates) + 2 * kvWidth * Math.min(tokens, rows + a.window);
  // Block scores before and after the group maximum, and as handed to an observer; the probabilities of one query.
  const scores = variant === "hysparse" ? rows * blocks * (a.queryHeads + 2 * a.kvHeads) + tokens : tokens;
  const mlp = rows * (3 * a.hidden + 3 * a.intermediate);
  const workspace = (Math.max(attention + scores, mlp) + 2 * a.vocabulary) * FLOAT64;
  return caches + selection + workspace;
}
