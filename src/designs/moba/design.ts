import { MOST_BLOCK, MOST_TOKENS } from "../../model/limits.ts";
import { count, plural } from "../../text/format.ts";
import type { Design } from "../design.ts";
import type { ValuesOf } from "../parameters.ts";
import type { LayerPlan } from "../plan.ts";

/**
 * By default blocks of 512 and 3 of them, the paper's setting for contexts of 8k: the authors' 2048 and 3 read everything up to
 * 6k, their 4096 and 12 (for a million tokens) up to 48k.
 */
const parameters = {
  block: {
    meaning: "consecutive tokens that are chosen together, by the mean of their keys",
    least: 1,
    most: MOST_BLOCK,
    default: (): number => 512,
  },
  topk: {
    meaning: "blocks that a query head reads, the one that its query stands in included",
    least: 1,
    most: MOST_TOKENS,
    default: (): number => 3,
  },
  fullTail: {
    meaning: "last layers that are left to full attention",
    least: 0,
    most: MOST_TOKENS,
    default: (): number => 0,
  },
  decode: {
    meaning: "whether decoded tokens choose blocks too or read everything, as in the authors' code",
    choices: ["moba", "dense"],
    default: (): string => "moba",
  },
} as const;

/**
 * Mixture of Block Attention (arXiv 2502.13189): every query head reads the block that its query stands in and those whose mean
 * keys answer it best, under one softmax. Nothing is learned for it, and no KV memory saved.
 */
export const moba = {
  id: "moba",
  title: "MoBA",
  short: "MoBA",
  words: "MoBA",
  meaning: "every query head reads its own block and those whose mean keys answer it best",
  look: { hue: "red", pattern: "rising", dash: [6, 2, 2, 2, 2, 2], point: "star" },
  onRequest: true,
  needs: [],
  parameters,
  caveats: (_, tokens, { block, topk, decode }) => [
    ...(block * topk < tokens
      ? []
      : [
          `MoBA reads everything here: ${plural(topk, "block")} of ${count(block)} tokens cover the whole document ` +
            `(${plural(tokens, "token")}).`,
        ]),
    ...(decode === "dense"
      ? ["Under MoBA decoded tokens read everything here: blocks are chosen in the prefill only."]
      : []),
    "Latency and memory under MoBA are real; what it selects means something only with weights that were trained for it.",
  ],
  plan: ({ layers }, { block, topk, fullTail, decode }) =>
    Array.from({ length: layers }, (_, layer): LayerPlan => {
      const alone = { scores: false, feeds: [] };
      if (layer >= layers - fullTail) return { mixer: "full", keeps: { kind: "all" }, ...alone };
      const gate = { top: topk, decode: decode === "dense" ? "dense" : "chosen" } as const;
      return { mixer: "moba", keeps: { kind: "all", means: block }, gate, ...alone };
    }),
} as const satisfies Design<ValuesOf<typeof parameters>>;
