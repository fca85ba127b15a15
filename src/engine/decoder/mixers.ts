import type { LayerPlan, MixerId } from "../../designs/plan.ts";

/** Why an engine does without a mixer, as the end of a sentence. */
export interface Declined {
  readonly declined: string;
}

/** How an engine attends, for every mixer: what lies between projection and output projection. */
export type MixerTable<Mixer> = Readonly<Record<MixerId, Mixer | Declined>>;

/** The first mixer of a plan that the engine declines, and why, as the end of a sentence; undefined where it has them all. */
export function declinedOf(table: MixerTable<unknown>, plan: readonly LayerPlan[]): string | undefined {
  for (const { mixer } of plan) {
    const entry = table[mixer];
    if (isDeclined(entry)) return entry.declined;
  }
  return undefined;
}

/** @throws Error for a mixer that the engine declines: `load` refuses plans that have it */
export function mixerOf<Mixer>(table: MixerTable<Mixer>, id: MixerId): Mixer {
  const entry = table[id];
  if (isDeclined(entry)) throw new Error(`there is no mixer "${id}": ${entry.declined}`);
  return entry;
}

function isDeclined(entry: unknown): entry is Declined {
  return typeof entry === "object" && entry !== null && "declined" in entry;
}
