import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { asRun } from "../../../src/designs/as-planned.ts";
import { DESIGN_IDS, parametersOf, planOf } from "../../../src/designs/designs.ts";
import { chosenDesigns, readDesign, writtenDesign } from "../../../src/designs/laid.ts";
import { UserError } from "../../../src/model/errors.ts";
import { tinyArchitecture } from "../../kernels/tiny-model.ts";

// Blocks of 8, k = 16, a window of 12.
const a = tinyArchitecture();

function refused(texts: readonly string[], message: RegExp): void {
  assert.throws(
    () => chosenDesigns(texts, ["full"], a),
    (error) => {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.message, message);
      assert.ok(error.message.startsWith("--design "), "names the setting");
      return true;
    },
  );
}

describe("parameters of a design", () => {
  it("are the model's, or the paper's, where nobody says", () => {
    assert.deepEqual(parametersOf(a, "hysparse"), { k: 16, block: 8, window: 12 });
    assert.deepEqual(parametersOf(a, "hybrid-swa"), { window: 12 });
    assert.deepEqual(parametersOf(a, "streaming"), { first: 4, window: 12 });
    assert.deepEqual(parametersOf(a, "full"), {});
  });

  it("are read, join the variants and reach the plan of their design alone", () => {
    assert.deepEqual(readDesign("hybrid-swa"), { id: "hybrid-swa", parameters: {} });
    const texts = ["streaming:window=1020", "hysparse:k=32, window = 5"];
    const { variants, architecture } = chosenDesigns(texts, ["full", "hysparse"], a);
    assert.deepEqual(variants, ["full", "hysparse", "streaming"]);
    const ring = planOf(architecture, "streaming")[0]?.keeps;
    assert.deepEqual(ring, { kind: "ring", tokens: 1020, first: 4 });
    const [oracle, sparse] = planOf(architecture, "hysparse");
    assert.deepEqual([oracle?.choice, sparse?.choice], Array(2).fill({ block: 8, slots: 4 }));
    assert.deepEqual(sparse?.keeps, { kind: "ring", tokens: 5 });
    for (const other of ["full", "hybrid-swa"] as const) {
      assert.deepEqual(planOf(architecture, other), planOf(a, other));
    }
  });

  it("make the architecture that an engine runs", () => {
    const { architecture } = chosenDesigns(["hysparse:k=64,block=16,window=5"], [], a);
    assert.deepEqual(asRun(architecture, "hysparse"), { ...a, block: 16, selectedTokens: 64, window: 5 });
    for (const design of DESIGN_IDS.filter((id) => id !== "index-reuse")) assert.deepEqual(asRun(a, design), a, design);
    // What is always read, a block at the beginning and three at the end, joins the list.
    assert.deepEqual(asRun(a, "index-reuse"), { ...a, selectedTokens: 16 + 4 * 8, window: 2 * 8 + 1 });
  });

  it("are written as they are read, without what nobody chose", () => {
    const texts = ["streaming:window=1020", "hysparse:k=16,window=5"];
    const { architecture } = chosenDesigns(texts, [], a);
    assert.equal(writtenDesign(architecture, "streaming"), "streaming:window=1020");
    assert.equal(writtenDesign(architecture, "hysparse"), "hysparse:window=5");
    assert.equal(writtenDesign(architecture, "full"), "full");
  });

  it("are refused with what there is", () => {
    refused(["stream"], /unknown design "stream"\. Available: hysparse, full/);
    refused(["streaming:k=5"], /streaming has no parameter "k": it has first, window/);
    refused(["full:window=5"], /full has no parameter "window": it has none/);
    refused(["hysparse:toString=5"], /no parameter "toString"/);
    refused(["hysparse:"], /no parameter ""/);
    refused(["hysparse:k"], /write k=value, not "k"$/);
    refused(["hysparse:k=1=2"], /write k=value/);
    refused(["hysparse:k=16,k=24"], /k is given twice/);
    refused(["hysparse", "hysparse:k=16"], /hysparse is listed twice/);
    for (const bad of ["0", "-8", "1e3", "8.0", "", "1048584"]) {
      refused([`hysparse:k=${bad}`], new RegExp(`k must be a whole number from 1 to 1048576 \\(it is "${bad}"\\)`));
    }
    refused(["hysparse:k=20"], /k = 20 is not a multiple of the block size 8/);
    refused(["hysparse:block=32"], /k = 16 is not a multiple of the block size 32/);
    for (const bad of ["3+0", "0+0", "0,3", "0+", "every-0", "every", "0-3", ""]) {
      refused(
        [`index-reuse:anchors=${bad}`],
        /anchors must be layers in ascending order such as 0\+3\+12, or every-N|"3"/,
      );
    }
    refused(["index-reuse:anchors=0+4"], /anchors names layer 4, and the model's last is 3/);
  });
});
