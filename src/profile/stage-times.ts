import type { Cost } from "../designs/costs.ts";
import { ATTEND_PARTS, type RunObserver, type Stage } from "../engine/engine.ts";
import type { PhaseReport, StageReport } from "../protocol/report.ts";
import { summarize } from "./statistics.ts";

const NESTED: ReadonlySet<Stage> = new Set(ATTEND_PARTS);

/** Milliseconds per layer and stage of one run. */
export type StageTimes = readonly ReadonlyMap<Stage, number>[];

/** Adds up what an engine reports while a run goes on. */
export class StageTimer implements Pick<RunObserver, "onStage"> {
  readonly #times: Map<Stage, number>[];

  constructor(layers: number) {
    this.#times = Array.from({ length: layers }, () => new Map<Stage, number>());
  }

  onStage = (layer: number, stage: Stage, ms: number): void => {
    const times = this.#times[layer];
    times?.set(stage, (times.get(stage) ?? 0) + ms);
  };

  /** Times so far, divided by `steps`. */
  per(steps: number): StageTimes {
    return this.#times.map((times) => new Map([...times].map(([stage, ms]) => [stage, ms / steps])));
  }
}

/** One layer's phase from the rounds' stage times, the stages' costs and the least times that these need (all per step). */
export function phaseReport(
  rounds: readonly StageTimes[],
  layer: number,
  costs: Readonly<Partial<Record<Stage, Cost>>>,
  floorOf: (cost: Cost) => number,
): PhaseReport {
  const runs = rounds.map((times) => times[layer] ?? new Map<Stage, number>());
  const stages: Partial<Record<Stage, StageReport>> = {};
  for (const stage of new Set(runs.flatMap((run) => [...run.keys()]))) {
    const cost = costs[stage] ?? { flops: 0, bytes: 0 };
    stages[stage] = {
      ...summarize(runs.map((run) => run.get(stage) ?? 0)),
      flops: cost.flops,
      bytes: cost.bytes,
      floorMs: floorOf(cost),
    };
  }
  // Parts that a cache holds one by one may be faster than all their bytes together.
  const parts = ATTEND_PARTS.flatMap((part) => stages[part]?.floorMs ?? []);
  const { attend } = stages;
  if (attend !== undefined && parts.length > 0) {
    attend.floorMs = Math.min(
      attend.floorMs,
      parts.reduce((sum, floor) => sum + floor, 0),
    );
  }
  const whole = runs.map((run) => [...run].reduce((sum, [stage, ms]) => sum + (NESTED.has(stage) ? 0 : ms), 0));
  return { ...summarize(whole), stages };
}
