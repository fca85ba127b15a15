import { count, plural } from "../../report/format.ts";
import type { Design } from "../design.ts";
import type { LayerPlan } from "../plan.ts";
import { mobaParametersSchema } from "./parameters.ts";

const parameters = mobaParametersSchema.parse({});

/**
 * Mixture of Block Attention (arXiv 2502.13189): every query head of every layer reads the block that it stands in and those
 * whose mean keys answer it best. Nothing is learned for it, and no KV memory saved.
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
  caveats: (_, tokens) => {
    const { block, topk, decode } = parameters;
    return [
      ...(block * topk < tokens
        ? []
        : [
            `MoBA reads everything here: ${plural(topk, "block")} of ${count(block)} tokens cover the whole document ` +
              `(${plural(tokens, "token")}).`,
          ]),
      "Latency and memory under MoBA are real; what it selects is real only for weights that were trained with it.",
      ...(decode === "dense" ? ["Under MoBA decoded tokens read everything: its blocks are chosen in the prefill only."] : []),
    ];
  },
  plan: ({ layers }) => {
    const { block, topk, fullTail, decode } = parameters;
    return Array.from({ length: layers }, (_, layer): LayerPlan => {
      const own = { scores: false, feeds: [] };
      return layer < layers - fullTail
        ? {
            mixer: "moba",
            keeps: { kind: "all", means: block },
            gate: { top: topk, decode: decode === "moba" ? "chosen" : "dense" },
            ...own,
          }
        : { mixer: "full", keeps: { kind: "all" }, ...own };
    });
  },
} as const satisfies Design;
