import { z } from "zod";

const share = z.number().min(0).max(1);
const error = z.number().nonnegative();

const shares = z.strictObject({
  mass: share,
  withWindow: share.describe("inside the blocks or the window"),
  rest: share.describe("of all that lies in neither the first block nor the window"),
});

const bySource = z.array(share).describe("by source, the layers 0 .. this one, which comes last with its own choice");

const layer = z.strictObject({
  mass: bySource,
  withWindow: bySource,
  rest: bySource,
  best: bySource.describe("mass, where each KV head takes the choice of the source's KV head that serves it best"),
  newest: shares.describe("the first block and the newest ones, as many in all"),
  random: shares.describe("as many random visible blocks: the expected value"),
});

/** How much of each layer's own attention lies where an earlier layer chose: the report's `oracleMap`. */
export const oracleMapSchema = z.strictObject({
  method: z.string().describe("in words: which queries, how exact"),
  block: z.int().positive(),
  window: z.int().positive(),
  k: z.int().positive().describe("the budget in tokens that errors are of"),
  positions: z.array(z.int().nonnegative()).min(1).describe("sampled queries, ascending; all see more than k tokens"),
  bitsPerByte: z.number().nonnegative().describe("of the whole document under full attention"),
  tokens: z.int().positive().describe("predicted tokens"),
  bytes: z.int().positive().describe("UTF-8 bytes of those tokens"),
  parts: z
    .array(z.strictObject({ first: share, window: share }))
    .describe("of every layer's attention, the share of the first block and of the window outside it"),
  budgets: z
    .array(z.strictObject({ k: z.int().positive(), layers: z.array(layer) }))
    .min(1)
    .describe("ascending"),
  errors: z
    .array(z.strictObject({ bySource: z.array(error), newest: error }))
    .describe(
      "of every layer but the first: |W_o (o' - o)|^2 / |x|^2 where o' reads the source's k tokens and the window in one " +
        "softmax, o everything, x is the layer's input; mean over `errorPositions`",
    ),
  errorPositions: z.array(z.int().nonnegative()).min(1).describe("those of `positions` that errors are measured at"),
});

export type OracleMap = z.infer<typeof oracleMapSchema>;
export type MapLayer = OracleMap["budgets"][number]["layers"][number];
