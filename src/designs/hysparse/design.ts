import { fedBy, oracleOf, schedule } from "../../model/schedule.ts";
import type { Design } from "../design.ts";

/** HySparse (arXiv 2602.03560): sparse layers read the blocks that the full layer before them chose, and a window of their own. */
export const hysparse = {
  id: "hysparse",
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
