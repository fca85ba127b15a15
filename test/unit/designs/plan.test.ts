import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { planOf } from "../../../src/designs/designs.ts";
import { withParameters } from "../../../src/designs/laid.ts";
import { keptRows } from "../../../src/designs/plan.ts";
import { tinyArchitecture } from "../../kernels/tiny-model.ts";

// Full, sparse, sparse, full (by the schedule), sparse, full (the last).
const a = tinyArchitecture({ layers: 6, sparsePerFull: 2, window: 12 });
const ring = { kind: "ring", tokens: 12 };

describe("the plan of a design", () => {
  it("hysparse: full layers score, and feed the sparse layers up to the next full one", () => {
    assert.deepEqual(
      planOf(a, "hysparse").map(({ mixer, readsFrom, scores, feeds }) => [mixer, readsFrom, scores, feeds]),
      [
        ["full", undefined, true, [1, 2]],
        ["sparse", 0, false, []],
        ["sparse", 0, false, []],
        ["full", undefined, true, [4]],
        ["sparse", 3, false, []],
        ["full", undefined, true, []],
      ],
    );
    assert.deepEqual(planOf(a, "hysparse")[1]?.keeps, ring);
  });

  it("full: every layer keeps everything and scores nothing", () => {
    const every = { mixer: "full", keeps: { kind: "all" }, scores: false, feeds: [] };
    assert.deepEqual(planOf(a, "full"), Array(6).fill(every));
  });

  it("hybrid-swa: windows between full layers, that nobody feeds", () => {
    const plan = planOf(a, "hybrid-swa");
    assert.deepEqual(
      plan.map(({ mixer }) => mixer),
      ["full", "window", "window", "full", "window", "full"],
    );
    assert.deepEqual(plan[1]?.keeps, ring);
    assert.ok(plan.every(({ scores, feeds, readsFrom }) => !scores && feeds.length === 0 && readsFrom === undefined));
  });

  it("index-reuse: layers after an anchor read by its choice, those before the first one everything", () => {
    const laid = (anchors: string): unknown[] =>
      planOf(withParameters(a, "index-reuse", { anchors }), "index-reuse").map(({ mixer, chosenBy, feeds }) =>
        mixer === "full" ? feeds : chosenBy,
      );
    assert.deepEqual(laid("every-4"), [[1, 2, 3], 0, 0, 0, [5], 4]);
    assert.deepEqual(laid("1+2+5"), [[], [], [3, 4], 2, 2, []]);
    const [anchor, follower] = planOf(a, "index-reuse");
    assert.deepEqual([anchor?.feeds, anchor?.scores, follower?.scores], [[1, 2], true, false]);
    // k = 16, blocks of 8, the first 4 tokens, and a window of 12 that may touch 3 blocks.
    assert.deepEqual(follower?.choice, { block: 8, slots: 6, forced: { first: 1, last: 3 } });
    assert.deepEqual(follower.keeps, { kind: "all" });
  });

  it("keeps all rows, or those of a ring beside the first of the context", () => {
    assert.equal(keptRows({ kind: "all" }, 100), 100);
    assert.equal(keptRows({ kind: "ring", tokens: 12 }, 100), 12);
    assert.equal(keptRows({ kind: "ring", tokens: 12 }, 7), 7);
    assert.equal(keptRows({ kind: "ring", tokens: 12, first: 4 }, 100), 16);
    assert.equal(keptRows({ kind: "ring", tokens: 12, first: 4 }, 14), 14);
  });
});
