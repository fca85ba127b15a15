import { LOCAL_BEFORE } from "../../../kernels/block-importance/block-importance.ts";
import { MOST_BLOCK, MOST_TOKENS } from "../../model/limits.ts";
import { count, plural } from "../../text/format.ts";
import type { Design } from "../design.ts";
import type { ValuesOf } from "../parameters.ts";
import type { LayerPlan } from "../plan.ts";

/** The first block, the query's own and those before it. */
const FORCED_BLOCKS = 2 + LOCAL_BEFORE;

/** All by default as in the paper. */
const parameters = {
  compress: {
    meaning: "tokens that one compressed key and value are made of (l)",
    least: 1,
    most: MOST_BLOCK,
    default: (): number => 32,
  },
  stride: {
    meaning:
      "tokens from the beginning of one compressed block to that of the next (d): compress and block are multiples of it",
    least: 1,
    most: MOST_BLOCK,
    default: (): number => 16,
  },
  block: {
    meaning: "consecutive tokens that are selected together (l')",
    least: 1,
    most: MOST_BLOCK,
    default: (): number => 64,
  },
  blocks: {
    meaning: "blocks that a query reads per KV head (n), the first, its own and the one before it included",
    least: FORCED_BLOCKS,
    most: MOST_TOKENS,
    default: (): number => 16,
  },
  window: {
    meaning: "last tokens that the window branch shows, the query's own included",
    least: 1,
    most: MOST_TOKENS,
    default: (): number => 512,
  },
} as const;

/**
 * Native Sparse Attention (arXiv 2502.11089): compressed keys that also choose blocks, the chosen blocks, and a window, each with
 * keys and values of its own, mixed by three gates. KV memory is above that of full attention.
 */
export const nsa = {
  id: "nsa",
  title: "NSA",
  short: "NSA",
  words: "NSA",
  meaning:
    "every layer reads compressed blocks, the blocks that these choose, and a window, each with its own keys and values",
  look: { hue: "cyan", pattern: "falling", dash: [2, 2, 8, 2], point: "crossRot" },
  onRequest: true,
  needs: [],
  parameters,
  refuse: ({ compress, stride, block }) =>
    compress % stride === 0 && block % stride === 0
      ? undefined
      : `compress = ${compress} and block = ${block} are not both multiples of stride = ${stride}`,
  caveats: (_, tokens, { block, blocks }) => [
    ...(block * blocks < tokens
      ? []
      : [
          `NSA's selection reads everything here: ${plural(blocks, "block")} of ${count(block)} tokens cover the whole document ` +
            `(${plural(tokens, "token")}).`,
        ]),
    "Latency and memory under NSA are real, what it selects and writes is not: its gates, the maps that compress, and the keys and " +
      "values of two of its branches are random, since no weights here have them.",
  ],
  plan: ({ layers }, { compress, stride, block, blocks, window }) =>
    Array.from({ length: layers }, (): LayerPlan => ({
      mixer: "nsa",
      keeps: { kind: "all" },
      more: [
        { kind: "ring", tokens: window },
        { kind: "ring", tokens: compress },
        { kind: "compressed", block: compress, stride },
      ],
      selects: { block, slots: blocks },
      scores: false,
      feeds: [],
    })),
} as const satisfies Design<ValuesOf<typeof parameters>>;
