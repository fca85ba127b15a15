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
    qkvBias: z.literal(true).optional().describe("the projections of q, k and v add a bias"),
    headNorm: z.literal(true).optional().describe("q and k are normed (RMSNorm) head by head, before RoPE"),
    ropeFactors: z
      .array(z.number().positive())
      .max(1024)
      .optional()
      .describe("what RoPE's frequencies are divided by, one number for each pair of a head's values: scaled contexts"),
    ropeScale: z.number().positive().optional().describe("what RoPE's cosines and sines are multiplied by"),
    noRope: z.array(z.int().nonnegative()).max(1024).optional().describe("layers without RoPE"),
  })
  .superRefine(refuseHeads);

export type Decoder = z.infer<typeof decoderSchema>;

interface Heads {
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly ropeFactors?: readonly number[] | undefined;
}

/** Adds an issue for heads that cannot be shared out, or rotated. */
export function refuseHeads({ queryHeads, kvHeads, headDim, ropeFactors }: Heads, context: z.RefinementCtx): void {
  const refuse = (field: string, message: string): void => {
    context.addIssue({ code: "custom", path: [field], message });
  };
  if (queryHeads % kvHeads !== 0) {
    refuse("queryHeads", `${queryHeads} query heads are not a multiple of ${kvHeads} KV heads`);
  }
  if (headDim % 2 !== 0) refuse("headDim", `RoPE rotates pairs of values, so ${headDim} must be even`);
  if (ropeFactors !== undefined && ropeFactors.length !== headDim / 2) {
    refuse(
      "ropeFactors",
      `${ropeFactors.length} factors do not fit heads of ${headDim}, which have ${headDim / 2} pairs`,
    );
  }
}

/** Query heads that share one KV head, G = Hq / Hkv. */
export function groupSize({ queryHeads, kvHeads }: Pick<Decoder, "queryHeads" | "kvHeads">): number {
  return queryHeads / kvHeads;
}

/** How the queries and keys of a layer turn by their positions. */
export function ropeOf(
  { ropeBase, ropeFactors, ropeScale, noRope, headDim }: Pick<Decoder, RopeField>,
  layer: number,
): { readonly base: number; readonly factors?: readonly number[] | undefined; readonly scale?: number | undefined } {
  if (noRope?.includes(layer) === true) return { base: 1, factors: new Array<number>(headDim / 2).fill(Infinity) };
  return { base: ropeBase, factors: ropeFactors, scale: ropeScale };
}

type RopeField = "ropeBase" | "ropeFactors" | "ropeScale" | "noRope" | "headDim";
