import type { LayerStep } from "./step.ts";

interface HeadCounts {
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly start: number;
}

export function headCounts({ architecture, chunk }: LayerStep): HeadCounts {
  const { queryHeads, kvHeads, headDim } = architecture;
  return { queryHeads, kvHeads, headDim, start: chunk.start };
}

/** Sinks of attention that has none. */
export function noSinks({ architecture }: LayerStep): Float64Array {
  return new Float64Array(architecture.queryHeads).fill(-Infinity);
}
