import { fedBy, oracleOf, schedule } from "../../model/schedule.ts";
import { count, plural } from "../../report/format.ts";
import type { Design } from "../design.ts";

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
  caveats: (architecture, tokens) => {
    const { selectedTokens, window } = architecture;
    if (!schedule(architecture).includes("sparse") || selectedTokens + window < tokens) return [];
    return [
      `Nothing is sparse here: the ${count(selectedTokens)} selected tokens and the window of ${count(window)} ` +
        `cover the whole document (${plural(tokens, "token")}). Profile a longer document to see what sparsity changes.`,
    ];
  },
  plan: (architecture) => {
    const kinds = schedule(architecture);
    return kinds.map((kind, layer) =>
      kind === "full"
        ? { mixer: "full", keeps: { kind: "all" }, scores: true, feeds: fedBy(kinds, layer) }
        : {
            mixer: "sparse",
            keeps: { kind: "ring", tokens: architecture.window },
            readsFrom: oracleOf(kinds, layer),
            scores: false,
            feeds: [],
          },
    );
  },
} as const satisfies Design;
