import { z } from "zod";

const count = z.int().positive();

/**
 * What HySparse adds to a decoder (arXiv 2602.03560, section 3). `sparsePerFull` is the paper's N; `block` is B;
 * `selectedTokens` is k (k / B blocks are read per query and KV head); `window` is w. `gate` says how fine the two sigmoid
 * gates of a sparse layer are: one per query head, or one per value.
 */
export const hysparseParametersSchema = z
  .strictObject({
    sparsePerFull: z.int().nonnegative(),
    block: count,
    selectedTokens: count,
    window: count,
    gate: z.enum(["head", "element"]),
    sinks: z.boolean(),
    lastFull: z
      .boolean()
      .optional()
      .describe("false: the last layer is no exception to the schedule, and full only where its index makes it so"),
    fullLayers: z
      .array(z.int().nonnegative())
      .max(1024)
      .optional()
      .describe("the full layers, rising from 0; sparsePerFull and lastFull then say nothing"),
  })
  .superRefine(refuseBlocks);

export type HysparseParameters = z.infer<typeof hysparseParametersSchema>;

/** Adds an issue where k is no whole number of blocks. */
export function refuseBlocks(
  { selectedTokens, block }: { readonly selectedTokens: number; readonly block: number },
  context: z.RefinementCtx,
): void {
  if (selectedTokens % block === 0) return;
  const message = `k = ${selectedTokens} is not a multiple of the block size ${block}`;
  context.addIssue({ code: "custom", path: ["selectedTokens"], message });
}
