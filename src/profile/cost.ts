import { rowBytes, type Cost, type Costs, type Span, type Work } from "../designs/costs.ts";
import { projectedWidth } from "../designs/extra-weights.ts";
import { MIXERS } from "../designs/mixers.ts";
import type { LayerPlan } from "../designs/plan.ts";
import { ATTEND_PARTS } from "../designs/stages.ts";
import type { Ceilings } from "../engine/engine.ts";
import type { Architecture } from "../model/architecture.ts";

/** What the cost of one layer depends on. */
export interface LayerSituation {
  readonly plan: LayerPlan;
  /** Keys read through the selection, summed over the span's queries and KV heads (layers that read one). */
  readonly selectedKeys: number;
}

/**
 * Least time in milliseconds that `cost` needs on a machine with these ceilings.
 * @param pieces in which the bytes move one after the other, as the chunks of a prefill: caches need hold only one
 */
export function floorMs(cost: Cost, ceilings: Ceilings, pieces = 1): number {
  return Math.max(cost.flops / ceilings.matrixGflops, cost.bytes / bandwidth(cost.bytes / pieces, ceilings)) / 1e6;
}

/** The best rate in GB/s at which so many bytes, or more, were seen to move. */
function bandwidth(bytes: number, { copyGBps, reads }: Ceilings): number {
  const holds = reads.findLast((read) => read.bytes <= bytes)?.bytes ?? 0;
  return Math.max(copyGBps, ...reads.filter((read) => read.bytes >= holds).map(({ GBps }) => GBps));
}

/** The stages that a layer has, with their costs; `attend` is left to the sum of its parts where it has any. */
export function layerCosts(
  a: Architecture,
  { plan, selectedKeys }: LayerSituation,
  span: Span,
  bytesPerValue: number,
): Costs {
  const { hidden, intermediate, queryHeads: Hq, kvHeads: Hkv, headDim: d } = a;
  const mixer = MIXERS[plan.mixer];
  const work: Work = { architecture: a, layer: plan, span, bytesPerValue, selectedKeys };
  const queries = span.to - span.from;
  const gates = mixer.gated ? 2 * (a.gate === "head" ? Hq : Hq * d) : 0;
  const extra = mixer.weights === undefined ? 0 : projectedWidth(mixer.weights(a, plan));
  const widths = (Hq + 2 * Hkv) * d + gates + extra;
  const rows = (count: number, width: number): number => rowBytes(count, width, work);
  const weights = (count: number): number => span.passes * count * bytesPerValue;
  return {
    project: { flops: 2 * queries * hidden * widths, bytes: weights(hidden * widths) + rows(queries, hidden + widths) },
    output: {
      flops: 2 * queries * hidden * Hq * d,
      // The two branches of a gated layer are mixed here.
      bytes: weights(hidden * Hq * d) + rows(queries, 2 * hidden + (mixer.gated ? 2 : 1) * Hq * d + gates),
    },
    mlp: {
      flops: 6 * queries * hidden * intermediate,
      bytes: weights(3 * hidden * intermediate) + rows(queries, 2 * hidden),
    },
    ...mixer.costs(work),
  };
}

/** `attend` from its parts, which run one after another. */
export function withAttend(costs: Readonly<Costs>): Costs {
  if (costs.attend !== undefined) return { ...costs };
  const parts = ATTEND_PARTS.flatMap((part) => costs[part] ?? []);
  return {
    ...costs,
    attend: {
      flops: parts.reduce((sum, part) => sum + part.flops, 0),
      bytes: parts.reduce((sum, part) => sum + part.bytes, 0),
    },
  };
}
