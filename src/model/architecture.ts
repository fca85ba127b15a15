import { z } from "zod";

export { fedBy, oracleOf, schedule, type ScheduleKind } from "./schedule.ts";

const count = z.int().positive();

/**
 * The shape of a HySparse decoder (arXiv 2602.03560, section 3). Every number an engine needs and nothing else.
 *
 * `sparsePerFull` is the paper's N; `block` is B; `selectedTokens` is k (k / B blocks are read per query and KV head);
 * `window` is w. `gate` says how fine the two sigmoid gates of a sparse layer are: one per query head, or one per value.
 */
export const architectureSchema = z
  .strictObject({
    layers: count,
    hidden: count,
    intermediate: count,
    queryHeads: count,
    kvHeads: count,
    headDim: count,
    vocabulary: count,
    sparsePerFull: z.int().nonnegative(),
    block: count,
    selectedTokens: count,
    window: count,
    gate: z.enum(["head", "element"]),
    sinks: z.boolean(),
    ropeBase: z.number().positive(),
    normEps: z.number().positive(),
    maxContext: count,
    tieEmbeddings: z.boolean(),
    lastFull: z
      .boolean()
      .optional()
      .describe("false: the last layer is no exception to the schedule, and full only where its index makes it so"),
  })
  .superRefine((a, context) => {
    const refuse = (field: string, message: string): void => {
      context.addIssue({ code: "custom", path: [field], message });
    };
    if (a.queryHeads % a.kvHeads !== 0) {
      refuse("queryHeads", `${a.queryHeads} query heads cannot be shared out over ${a.kvHeads} KV heads`);
    }
    if (a.headDim % 2 !== 0)
      refuse("headDim", `RoPE rotates its two halves against each other, so ${a.headDim} must be even`);
    if (a.selectedTokens % a.block !== 0) {
      refuse("selectedTokens", `k = ${a.selectedTokens} is not a multiple of the block size ${a.block}`);
    }
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

/** Query heads that share one KV head, G = Hq / Hkv. */
export function groupSize(a: Architecture): number {
  return a.queryHeads / a.kvHeads;
}
