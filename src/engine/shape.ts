import { MOST_DECODED, MOST_TOKENS } from "../model/limits.ts";
import { selectedBlocks, type Architecture } from "../model/architecture.ts";
import { groupSize } from "../model/decoder.ts";

/** The architecture's numbers under the short names that the graphs use (hysparse.md's letters). */
export interface Shape {
  readonly hidden: number;
  readonly intermediate: number;
  readonly vocabulary: number;
  readonly Hq: number;
  readonly Hkv: number;
  readonly G: number;
  readonly d: number;
  readonly B: number;
  readonly slots: number;
  readonly w: number;
  readonly eps: number;
  readonly scale: number;
  /** Values per gate and branch: Hq, or Hq * d. */
  readonly gates: number;
  readonly qkvBias: boolean;
  readonly headNorm: boolean;
}

export function shapeOf(a: Architecture): Shape {
  return {
    hidden: a.hidden,
    intermediate: a.intermediate,
    vocabulary: a.vocabulary,
    Hq: a.queryHeads,
    Hkv: a.kvHeads,
    G: groupSize(a),
    d: a.headDim,
    B: a.block,
    slots: selectedBlocks(a),
    // A context with what is decoded is never longer: a larger window sees the same, and kernels count in 32 bits.
    w: Math.min(a.window, MOST_TOKENS + MOST_DECODED),
    eps: a.normEps,
    scale: 1 / Math.sqrt(a.headDim),
    gates: a.gate === "head" ? a.queryHeads : a.queryHeads * a.headDim,
    qkvBias: a.qkvBias === true,
    headNorm: a.headNorm === true,
  };
}
