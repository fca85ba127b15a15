import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import type { Report } from "../../../src/protocol/report.ts";
import { inconsistencies } from "../../../src/profile/report-consistency.ts";
import { card, command } from "../../../src/report/card.ts";
import { compareReports } from "../../../src/report/compare.ts";
import { reported } from "./tiny-profile.ts";

describe("a profile with parameters that were chosen", () => {
  let usual: Report;
  let chosen: Report;

  before(async () => {
    const asked = { fidelity: true, swaps: true, maxTokens: 60 };
    usual = await reported({ ...asked, variants: ["hysparse", "full", "streaming"] });
    chosen = await reported({ ...asked, designs: ["streaming:first=2,window=20", "hysparse:k=32,block=16"] });
  });

  it("says them for every variant, and runs them", () => {
    assert.deepEqual(chosen.settings.variants, ["hysparse", "full", "streaming"]);
    assert.deepEqual(chosen.variants.hysparse?.parameters, { k: 32, block: 16, window: 12 });
    assert.deepEqual(chosen.variants.streaming?.parameters, { first: 2, window: 20 });
    assert.equal(chosen.variants.full?.parameters, undefined);
    for (const variant of ["hysparse", "streaming", "full"] as const) {
      const { kvBytes, kvBytesPredicted } = chosen.variants[variant]!.totals;
      assert.equal(kvBytes, kvBytesPredicted, variant);
    }
    const ratio = chosen.variants.streaming!.totals.kvBytes / usual.variants.streaming!.totals.kvBytes;
    assert.equal(ratio, 22 / 16);
    assert.deepEqual(chosen.model, usual.model, "the model stays what it is");
  });

  it("has blocks of the chosen size wherever blocks are told", () => {
    assert.equal(chosen.document.blockRanges.length, 4);
    assert.deepEqual([chosen.selection?.block, chosen.selection?.slots], [16, 2]);
    assert.equal(chosen.importance?.ranges.length, 4);
    assert.match(chosen.fidelity!.method, /more than 2 blocks of 16 tokens/);
    assert.ok(chosen.swaps!.places.every(({ block }) => block < 4));
    assert.deepEqual(inconsistencies(chosen), []);
  });

  it("is repeated by the command on its card", () => {
    const designs = "--design hysparse:k=32,block=16 --design streaming:first=2,window=20";
    assert.ok(command(chosen, "command line").includes(` ${designs} `));
    const setting = '"hysparse.designs": ["hysparse:k=32,block=16","streaming:first=2,window=20"]';
    assert.ok(command(chosen, "editor").includes(setting));
    const row = card(chosen).find(({ name }) => name === "Parameters")?.text;
    assert.equal(row, "HySparse with k 32, block 16; StreamingLLM with first 2, window 20");
    assert.ok(!card(usual).some(({ name }) => name === "Parameters"));
    assert.doesNotMatch(command(usual, "command line"), /--design/);
  });

  it("is compared with another by name", () => {
    const { comparable, differences } = compareReports(usual, chosen);
    assert.equal(comparable, true);
    const told = differences.map(({ what, baseline, report }) => [what, baseline, report]);
    assert.deepEqual(told, [
      ["parameters of HySparse", "k 16, block 8", "k 32, block 16"],
      ["parameters of StreamingLLM", "first 4, window 12", "first 2, window 20"],
    ]);
  });

  it("is refused as a report where parameters are none of the design's", () => {
    const wrong = (parameters: Record<string, number>): string[] => {
      const other = structuredClone(chosen);
      other.variants.hysparse!.parameters = parameters;
      return inconsistencies(other).map(({ path, problem }) => `${path}: ${problem}`);
    };
    const at = "variants.hysparse.parameters: ";
    assert.deepEqual(wrong({ first: 2 }), [`${at}hysparse has no parameter "first"`]);
    assert.deepEqual(wrong({ k: 0 }), [`${at}k must be a whole number from 1 to 1048576, and it is 0`]);
    assert.deepEqual(wrong({ k: 20, block: 16 }), [`${at}k = 20 is not a multiple of the block size 16`]);
  });
});
