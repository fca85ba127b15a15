import { z } from "zod";
import type { ParameterValues } from "../designs/values.ts";
import { hysparseParametersSchema, refuseBlocks } from "../designs/hysparse/parameters.ts";
import { decoderSchema, refuseHeads } from "./decoder.ts";

export { fedBy, oracleOf, schedule, type ScheduleKind } from "./schedule.ts";

/**
 * A decoder and the parameters of HySparse on it, which the other designs read as far as they share them (schedule, window):
 * every number an engine needs and nothing else. Version 1 of checkpoints and reports writes both as one flat object.
 */
export const architectureSchema = z
  .strictObject({ ...decoderSchema.shape, ...hysparseParametersSchema.shape })
  .superRefine((a, context) => {
    refuseHeads(a, context);
    refuseBlocks(a, context);
    refuseFullLayers(a, context);
  });

/** The architecture, and what a request chose of designs' parameters. */
export type Architecture = z.infer<typeof architectureSchema> & {
  /** By a design's id; in no file, report or checkpoint: reports write the parameters of each variant. */
  readonly laid?: Readonly<Record<string, ParameterValues>>;
};

/** Adds an issue where a list of full layers leaves a sparse layer without an oracle, or does not fit the decoder. */
function refuseFullLayers(
  { layers, fullLayers }: { readonly layers: number; readonly fullLayers?: readonly number[] | undefined },
  context: z.RefinementCtx,
): void {
  if (fullLayers === undefined) return;
  const rising = fullLayers.every((layer, at) => at === 0 || layer > (fullLayers[at - 1] ?? 0));
  if (fullLayers[0] === 0 && rising && (fullLayers.at(-1) ?? 0) < layers) return;
  const message = `must start with 0, rise and stay below ${layers}; it is [${fullLayers.join(", ")}]`;
  context.addIssue({ code: "custom", path: ["fullLayers"], message });
}

/** Blocks read per query and KV head, k / B. */
export function selectedBlocks(a: Architecture): number {
  return a.selectedTokens / a.block;
}

/** Whether every query of a context of so many tokens selects all the blocks that it sees. */
export function selectsAll(a: Architecture, tokens: number): boolean {
  return tokens <= a.selectedTokens;
}
