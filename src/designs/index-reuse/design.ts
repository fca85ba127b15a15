import type { Architecture } from "../../model/architecture.ts";
import { MOST_TOKENS } from "../../model/limits.ts";
import { count, plural } from "../../text/format.ts";
import type { Design } from "../design.ts";
import { layersNamed } from "../layer-list.ts";
import { BLOCK, WINDOW, type ValuesOf } from "../parameters.ts";
import type { BlockChoice, LayerPlan } from "../plan.ts";

/** By default as far apart, and so many tokens, as the model's own schedule has it, so that both sides of a comparison read alike. */
const parameters = {
  anchors: {
    meaning: "layers that read everything and choose blocks for those after them",
    layers: true,
    default: ({ sparsePerFull }: Architecture): string => `every-${sparsePerFull + 1}`,
  },
  k: {
    meaning: "tokens that a query reads by score, a multiple of the block, beside the first and the newest",
    least: 1,
    most: MOST_TOKENS,
    default: ({ selectedTokens }: Architecture): number => selectedTokens,
  },
  block: BLOCK,
  first: {
    meaning: "tokens at the beginning that are always read, in whole blocks",
    least: 0,
    most: MOST_TOKENS,
    default: (): number => 4,
  },
  window: { ...WINDOW, meaning: "newest tokens that are always read, in whole blocks" },
} as const;

type Values = ValuesOf<typeof parameters>;

/**
 * A dense model whose layers, but for the anchors, read their own keys and values in the blocks that the anchor before them chose
 * (Kascade, arXiv 2512.16391; IndexCache, arXiv 2603.12201). One softmax; no KV memory is saved, and nothing is trained.
 * What is read anyway, the first and the newest tokens, is no part of the choice.
 */
export const indexReuse = {
  id: "index-reuse",
  title: "Index reuse",
  short: "Reuse",
  words: "index reuse",
  meaning: "layers read their own keys and values in the blocks that an earlier layer chose",
  look: { hue: "cyan", pattern: "falling", dash: [4, 2], point: "rectRot" },
  onRequest: true,
  needs: [],
  untrained: true,
  parameters,
  refuse: ({ anchors, k, block }, { layers }) => {
    if (k % block !== 0) return `k = ${k} is not a multiple of the block size ${block}`;
    const beyond = layersNamed(anchors, layers)?.find((layer) => layer >= layers);
    return beyond === undefined ? undefined : `anchors names layer ${beyond}, and the model's last is ${layers - 1}`;
  },
  // A power of two of blocks: engines prepare themselves for every new k.
  selectingAll: (chosen, tokens) => ({
    ...chosen,
    k: chosen.block * 2 ** Math.ceil(Math.log2(tokens / chosen.block)),
  }),
  caveats: ({ layers }, tokens, values) => [
    ...(tokens <= choiceBy(values).slots * values.block
      ? [
          `Index reuse reads everything here: ${count(values.k)} chosen tokens, the first and the window cover the whole ` +
            `document (${plural(tokens, "token")}).`,
        ]
      : []),
    ...(anchorOf(values, layers).some((anchor, layer) => anchor !== layer && anchor !== undefined)
      ? []
      : ["Index reuse changes nothing here: no layer stands behind an anchor."]),
  ],
  plan: ({ layers }, values) => {
    const anchors = anchorOf(values, layers);
    const choice = choiceBy(values);
    return anchors.map((anchor, layer): LayerPlan => {
      const keeps = { kind: "all" } as const;
      if (anchor !== undefined && anchor !== layer) {
        return { mixer: "reuse", keeps, chosenBy: anchor, scores: false, choice, feeds: [] };
      }
      const feeds = anchors.flatMap((from, reader) => (from === layer && reader !== layer ? [reader] : []));
      return { mixer: "full", keeps, scores: true, choice, feeds };
    });
  },
} as const satisfies Design<Values>;

/** Of each layer the anchor whose choice holds for it, an anchor its own; those before the first anchor have none. */
function anchorOf({ anchors }: Values, layers: number): (number | undefined)[] {
  const named = layersNamed(anchors, layers) ?? [];
  return Array.from({ length: layers }, (_, layer) => named.findLast((anchor) => anchor <= layer));
}

function choiceBy({ k, block, first, window }: Values): BlockChoice {
  // Whatever its place in its own block, a query sees its window in so many.
  const forced = { first: Math.ceil(first / block), last: Math.ceil((window - 1) / block) + 1 };
  return { block, slots: k / block + forced.first + forced.last, forced };
}
