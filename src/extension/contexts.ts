/** The context keys, without the prefix "hysparse.", that enable commands and show menus. */
export const CONTEXTS = ["busy", "hasReport", "canFollow", "hasPassages", "comparing"] as const;

export type Contexts = Readonly<Record<(typeof CONTEXTS)[number], boolean>>;

/** Nothing was profiled yet. */
export const INITIAL_CONTEXTS: Contexts = {
  busy: false,
  hasReport: false,
  canFollow: false,
  hasPassages: false,
  comparing: false,
};

/** Tells `set` of those keys that differ, and answers the new ones. */
export function changeContexts(
  before: Contexts,
  after: Contexts,
  set: (key: string, value: boolean) => void,
): Contexts {
  for (const key of CONTEXTS) if (before[key] !== after[key]) set(`hysparse.${key}`, after[key]);
  return after;
}
