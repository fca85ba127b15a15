import { z } from "zod";

/**
 * What MoBA adds to a decoder (arXiv 2502.13189): `block` is B, `topk` counts the block that a query stands in, `fullTail`
 * layers at the end are left to full attention, and `decode` says whether decoded tokens choose or read everything (as in the
 * authors' code). Weights do not depend on any of them.
 *
 * By default 512 and 3, the paper's setting for contexts of 8k: the authors' 2048 and 3 read everything below 6k, and their 4096
 * and 12 (for a million tokens) everything below 48k.
 */
export const mobaParametersSchema = z.strictObject({
  block: z.int().positive().default(512),
  topk: z.int().positive().default(3),
  fullTail: z.int().nonnegative().default(0),
  decode: z.enum(["moba", "dense"]).default("moba"),
});

export type MobaParameters = z.infer<typeof mobaParametersSchema>;
