import type { Architecture } from "../../model/architecture.ts";
import { fedBy, oracleOf, schedule } from "../../model/schedule.ts";
import { MOST_TOKENS } from "../../model/limits.ts";
import { count, plural } from "../../text/format.ts";
import type { Design } from "../design.ts";
import { BLOCK, WINDOW, type ValuesOf } from "../parameters.ts";

/** What no weights depend on; the schedule, gates and sinks are the checkpoint's. */
const parameters = {
  k: {
    meaning: "tokens that a query selects, a multiple of the block",
    least: 1,
    most: MOST_TOKENS,
    default: ({ selectedTokens }: Architecture): number => selectedTokens,
  },
  block: BLOCK,
  window: WINDOW,
} as const;

/** HySparse (arXiv 2602.03560): sparse layers read the blocks that the full layer before them chose, and a window of their own. */
export const hysparse = {
  id: "hysparse",
  title: "HySparse",
  short: "HySparse",
  words: "HySparse",
  meaning: "full layers select blocks; the sparse layers after them read only those blocks and a window",
  look: { hue: "green", pattern: "dots", dash: [], point: "circle" },
  needs: ["gates", "sinks"],
  checkpoint: { called: "a HySparse model", notes: [] },
  fidelity: {
    title: "The sparse layers of HySparse",
    meaning: "each sparse layer's own queries over all keys of its oracle, most of which it never reads in a real run",
    looked: "would look at if they saw everything",
  },
  parameters,
  refuse: ({ k, block }) => (k % block === 0 ? undefined : `k = ${k} is not a multiple of the block size ${block}`),
  // A power of two of blocks: engines prepare themselves for every new k.
  selectingAll: (chosen, tokens) => ({
    ...chosen,
    k: chosen.block * 2 ** Math.ceil(Math.log2(tokens / chosen.block)),
  }),
  caveats: (architecture, tokens, { k, window }) => {
    if (!schedule(architecture).includes("sparse") || k + window < tokens) return [];
    return [
      `Nothing is sparse here: the ${count(k)} selected tokens and the window of ${count(window)} ` +
        `cover the whole document (${plural(tokens, "token")}). Profile a longer document to see what sparsity changes.`,
    ];
  },
  plan: (architecture, { k, block, window }) => {
    const kinds = schedule(architecture);
    const choice = { block, slots: k / block };
    return kinds.map((kind, layer) =>
      kind === "full"
        ? { mixer: "full", keeps: { kind: "all" }, scores: true, choice, feeds: fedBy(kinds, layer) }
        : {
            mixer: "sparse",
            keeps: { kind: "ring", tokens: window },
            readsFrom: oracleOf(kinds, layer),
            scores: false,
            choice,
            feeds: [],
          },
    );
  },
} as const satisfies Design<ValuesOf<typeof parameters>>;
