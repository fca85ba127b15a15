import { z } from "zod";

const count = z.int().positive();

/** The dense shape of a decoder: what it is whichever design its attention follows. */
export const decoderSchema = z
  .strictObject({
    layers: count,
    hidden: count,
    intermediate: count,
    queryHeads: count,
    kvHeads: count,
    headDim: count,
    vocabulary: count,
    ropeBase: z.number().positive(),
    normEps: z.number().positive(),
    maxContext: count,
    tieEmbeddings: z.boolean(),
  })
  .superRefine(refuseHeads);

export type Decoder = z.infer<typeof decoderSchema>;

/** Adds an issue for heads that cannot be shared out, or rotated. */
export function refuseHeads(
  { queryHeads, kvHeads, headDim }: { readonly queryHeads: number; readonly kvHeads: number; readonly headDim: number },
  context: z.RefinementCtx,
): void {
  const refuse = (field: string, message: string): void => {
    context.addIssue({ code: "custom", path: [field], message });
  };
  if (queryHeads % kvHeads !== 0) {
    refuse("queryHeads", `${queryHeads} query heads are not a multiple of ${kvHeads} KV heads`);
  }
  if (headDim % 2 !== 0) refuse("headDim", `RoPE rotates pairs of values, so ${headDim} must be even`);
}

/** Query heads that share one KV head, G = Hq / Hkv. */
export function groupSize({ queryHeads, kvHeads }: Pick<Decoder, "queryHeads" | "kvHeads">): number {
  return queryHeads / kvHeads;
}
