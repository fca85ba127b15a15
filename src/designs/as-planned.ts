import type { Architecture } from "../model/architecture.ts";
import { planOf, type DesignId } from "./designs.ts";
import type { BlockChoice, LayerPlan } from "./plan.ts";

/** The architecture as files and reports hold it. */
export function asWritten(architecture: Architecture): Omit<Architecture, "laid"> {
  const written: Omit<Architecture, "laid"> & { laid?: unknown } = { ...architecture };
  delete written.laid;
  return written;
}

/**
 * The architecture as a plan runs it: window, block and k are those of its layers, which a user may have chosen, where any layer
 * has them. Nothing is laid over the result any more.
 */
export function asPlanned(architecture: Architecture, plan: readonly LayerPlan[]): Architecture {
  const keeps = plan.map((layer) => layer.keeps).find(({ kind }) => kind === "ring");
  const choice = plan.find((layer) => layer.choice !== undefined)?.choice;
  const window = keeps?.kind === "ring" ? keeps.tokens : choice && forcedWindow(choice);
  return {
    ...asWritten(architecture),
    ...(window === undefined ? {} : { window }),
    ...(choice === undefined ? {} : { block: choice.block, selectedTokens: choice.slots * choice.block }),
  };
}

/** Newest tokens that every query reads where its last blocks are always read, wherever it stands in its own. */
function forcedWindow({ block, forced }: BlockChoice): number | undefined {
  return forced && (forced.last - 1) * block + 1;
}

/** The architecture as it runs under the design called `id`; as it is where there is none. */
export function asRun(architecture: Architecture, id: DesignId | undefined): Architecture {
  return asPlanned(architecture, id === undefined ? [] : planOf(architecture, id));
}
