import { z } from "zod";

/**
 * Every query's selection as plain data that crosses process borders by structured clone: what the highlights for the
 * token under the cursor are read from. Four bytes per query, KV head, slot and oracle.
 */
export const selectionTableSchema = z.strictObject({
  tokens: z.int().positive(),
  block: z.int().positive(),
  window: z.int().positive(),
  /** [tokens + 1] UTF-16 offset of each token's first character; the last is the end of the profiled text. */
  tokenStarts: z.instanceof(Uint32Array),
  oracles: z.array(
    z.strictObject({
      layer: z.int().nonnegative(),
      feeds: z.array(z.int().nonnegative()),
      kvHeads: z.int().positive(),
      slots: z.int().positive(),
      /** [tokens, kvHeads, slots] block indices, ascending; unused slots hold the type's highest value. */
      blocks: z.union([z.instanceof(Uint16Array), z.instanceof(Uint32Array)]),
      /** [tokens, kvHeads, slots] block scores S (eq. 3) as float16 bits. */
      scores: z.instanceof(Uint16Array),
    }),
  ),
});

export type SelectionTable = z.infer<typeof selectionTableSchema>;
export type OracleTable = SelectionTable["oracles"][number];
