// Apart from the schema, so that the editor's host, which asks designs, does not load a validator when it starts.
/** What the schedule follows from: of an Architecture. */
export interface Scheduled {
  readonly layers: number;
  /** The paper's N. */
  readonly sparsePerFull: number;
  /** False: the last layer is no exception. */
  readonly lastFull?: boolean | undefined;
  /** The full layers by a list, rising from 0; N and `lastFull` then say nothing. */
  readonly fullLayers?: readonly number[] | undefined;
}

/** What a layer is under the schedule: `full` attends to every token, `sparse` borrows from the full layer before it. */
export type ScheduleKind = "full" | "sparse";

/**
 * The layer schedule: layer l is full when l mod (N + 1) == 0 or l is the last, unless `lastFull` is false; 49 layers with
 * N = 11 give 5 full. Where `fullLayers` lists them, those are full and no others.
 */
export function schedule(a: Scheduled): ScheduleKind[] {
  const listed = a.fullLayers === undefined ? undefined : new Set(a.fullLayers);
  const exception = a.lastFull === false ? undefined : a.layers - 1;
  return Array.from({ length: a.layers }, (_, layer) =>
    (listed?.has(layer) ?? (layer % (a.sparsePerFull + 1) === 0 || layer === exception)) ? "full" : "sparse",
  );
}

/** The full layer whose K, V and block indices `layer` reads: the nearest full layer at or before it. */
export function oracleOf(kinds: readonly ScheduleKind[], layer: number): number {
  return kinds.lastIndexOf("full", layer);
}

/** For every full layer, the sparse layers that reuse its blocks; empty where another full layer or nothing follows. */
export function fedBy(kinds: readonly ScheduleKind[], oracle: number): number[] {
  return kinds.flatMap((kind, layer) => (kind === "sparse" && oracleOf(kinds, layer) === oracle ? [layer] : []));
}
