import { emitsScores, type LayerRole } from "../decoder/roles.ts";
import { blockBufferBytes, type CudaOps } from "./ops.ts";

const WORD = 4;
const HALF = 2;

/** Values of a row of projections: q | k | v, and the gates where a layer has some. */
export function projectedWidth({ shape: { Hq, Hkv, d, gates } }: CudaOps, gated: boolean): number {
  return (Hq + 2 * Hkv) * d + (gated ? 2 * gates : 0);
}

/** Bytes of the buffers that a chunk of `rows` queries takes whose context ends at `tokens`, by name. */
export function workspaceSizes(
  ops: CudaOps,
  roles: readonly LayerRole[],
  rows: number,
  tokens: number,
  scoresAsked: boolean,
): Record<string, number> {
  const { hidden, intermediate, vocabulary, Hq, Hkv, d } = ops.shape;
  const gated = roles.some((role) => role.gated);
  const wide = rows * Hq * d * WORD;
  const splits = ops.fullAttention.splits(tokens);
  const own = rows * Hkv * d * HALF;
  return {
    tokens: rows * WORD,
    x: rows * hidden * WORD,
    y: rows * hidden * WORD,
    normed: rows * hidden * WORD,
    projected: rows * projectedWidth(ops, gated) * WORD,
    q: wide,
    attended: wide,
    gateUp: rows * 2 * intermediate * WORD,
    inner: rows * intermediate * WORD,
    lastNormed: hidden * WORD,
    logits: vocabulary * WORD,
    partials: splits * Hq * d * WORD,
    partialSums: splits * Hq * 2 * WORD,
    operand: rows * Hq * d * HALF,
    ...(roles.some(({ through }) => through !== undefined)
      ? blockBufferBytes(ops, ops.gathersBlocks(rows) ? rows : 0, tokens)
      : {}),
    ...(gated ? { attendedSparse: wide, attendedWindow: wide } : {}),
    ...(roles.some(({ keeps }) => keeps.kind === "ring") ? { chunkK: own, chunkV: own } : {}),
    ...(roles.some((role) => emitsScores(role, scoresAsked)) ? ops.fullAttention.scoreBytes(rows, tokens) : {}),
  };
}
