import { z } from "zod";
import { hysparseParametersSchema, refuseBlocks } from "../designs/hysparse/parameters.ts";
import { decoderSchema, refuseHeads } from "./decoder.ts";

/** What a layer is under the schedule: `full` attends to every token, `sparse` borrows from the full layer before it. */
export type ScheduleKind = "full" | "sparse";

/**
 * A decoder and the parameters of HySparse on it, which the other designs read as far as they share them (schedule, window):
 * every number an engine needs and nothing else. Version 1 of checkpoints and reports writes both as one flat object.
 */
export const architectureSchema = z
  .strictObject({ ...decoderSchema.shape, ...hysparseParametersSchema.shape })
  .superRefine((a, context) => {
    refuseHeads(a, context);
    refuseBlocks(a, context);
  });

export type Architecture = z.infer<typeof architectureSchema>;

/** Blocks read per query and KV head, k / B. */
export function selectedBlocks(a: Architecture): number {
  return a.selectedTokens / a.block;
}

/** Whether every query of a context of so many tokens selects all the blocks that it sees. */
export function selectsAll(a: Architecture, tokens: number): boolean {
  return tokens <= a.selectedTokens;
}

/**
 * The layer schedule: layer l is full when l mod (N + 1) == 0 or l is the last, unless `lastFull` is false; 49 layers with
 * N = 11 give 5 full.
 */
export function schedule(a: Architecture): ScheduleKind[] {
  const exception = a.lastFull === false ? undefined : a.layers - 1;
  return Array.from({ length: a.layers }, (_, layer) =>
    layer % (a.sparsePerFull + 1) === 0 || layer === exception ? "full" : "sparse",
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
