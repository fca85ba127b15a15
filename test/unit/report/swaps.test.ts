import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Report, SwapName, SwapResult } from "../../../src/protocol/report.ts";
import { hasSelectionChecks, placesNote, swapsFinding } from "../../../src/report/selection-finding.ts";
import { percents, swapPlaces, swapsTable } from "../../../src/report/swaps-table.ts";
import { withChecks } from "./sample-checks.ts";
import { sampleReport, SAMPLE_TEXT } from "./sample-report.ts";

const report = withChecks(sampleReport());

function changed(name: SwapName, change: Partial<SwapResult>): Report {
  const copy = structuredClone(report);
  Object.assign(
    copy.swaps!.results.find((result) => result.name === name)!,
    change,
  );
  return copy;
}

describe("swaps of the selection", () => {
  it("claims a difference only where the interval excludes zero, against random blocks first", () => {
    assert.deepEqual(swapsFinding(report), [
      "On this document the learned selection is worth 0.8 % (0.5 to 1.1) over random blocks.",
      "On this document the learned selection is worse than reading every block, by 0.4 % (0.2 to 0.6).",
      "No difference was measured here between the learned selection and the newest blocks (-0.10 to 0.17 %).",
      "On this document reading selected blocks is worth 4.0 % (3.2 to 4.8) over reading only the window.",
      "On this document a last full layer that reads everything is worse than one that reads only what the oracle before " +
        "it selected, by 0.2 % (0.1 to 0.3).",
    ]);
  });

  it("claims nothing where an end of the interval is zero", () => {
    const [sentence] = swapsFinding(changed("random", { addedLow: 0 }));
    assert.match(sentence ?? "", /^No difference was measured here .* \(0\.0 to 1\.1 %\)\.$/);
  });

  it("names a replacement that does better", () => {
    const [sentence] = swapsFinding(changed("random", { added: -0.01, addedLow: -0.02, addedHigh: -0.0125 / 2 }));
    assert.equal(
      sentence,
      "On this document the learned selection is worse than random blocks, by 0.8 % (0.5 to 1.6).",
    );
  });

  it("compares nothing with choices that can be no other than the learned one", () => {
    const short = structuredClone(report);
    short.document.tokens = short.model.architecture.selectedTokens;
    const [random, all, recent, none, last] = swapsFinding(short);
    assert.equal(random, "Every block of so short a document is selected: random blocks are the learned ones.");
    assert.match(all ?? "", /: the learned selection reads every block\.$/);
    assert.match(recent ?? "", /: the newest blocks are the learned ones\.$/);
    assert.match(none ?? "", /is worth 4\.0 %/);
    assert.match(last ?? "", /: the last full layer reads everything, restricted or not\.$/);
    short.document.tokens++;
    assert.match(swapsFinding(short)[0] ?? "", /is worth 0\.8 %/);
  });

  it("begins with what must be known of the weights", () => {
    const noted = structuredClone(report);
    noted.variants.hysparse!.note = "made for something else";
    assert.equal(swapsFinding(noted)[0], "Made for something else.");
  });

  it("prints enough decimals to see an interval, and no end as zero that is not", () => {
    assert.deepEqual(percents({ added: 0.008, low: 0.005, high: 0.011 }), ["0.8", "0.5", "1.1"]);
    assert.deepEqual(percents({ added: 0.0004, low: 0.0003, high: 0.0005 }), ["0.04", "0.03", "0.05"]);
    assert.deepEqual(percents({ added: 0.01, low: 0.0001, high: 0.02 }), ["1.00", "0.01", "2.00"]);
    assert.deepEqual(percents({ added: 0, low: 0, high: 0 }), ["0.0", "0.0", "0.0"]);
    assert.deepEqual(percents({ added: 0, low: -1e-9, high: 1e-9 }), ["0.000", "0.000", "0.000"]);
  });

  it("has a table with the spread of draws and the interval", () => {
    const { rows, columns } = swapsTable(report);
    assert.deepEqual(rows[0], ["as learned", "1.2500", "-", "-", "-", "-"]);
    assert.deepEqual(rows[3], ["random blocks", "1.2600", "1.2591 - 1.2609", "0.0100", "0.0063 to 0.0138", "0.8 %"]);
    for (const row of rows) assert.equal(row.length, columns.length);
  });

  it("divides by nothing", () => {
    const copy = changed("learned", { bitsPerByte: 0 });
    assert.equal(swapsTable(copy).rows[2]?.at(-1), "-");
    assert.match(swapsFinding(copy)[0] ?? "", /^What random blocks would cost is unknown/);
  });

  it("names the places, with words where there is a text", () => {
    const places = swapPlaces(report, SAMPLE_TEXT);
    assert.equal(places.length, 3);
    const [{ start, end, words, facts, name }] = [places[0]!];
    assert.equal(words, SAMPLE_TEXT.slice(start, end));
    assert.equal(facts, "31.4 bits more");
    assert.match(name, /^lines \d+-\d+$/);
    assert.equal(swapPlaces(report, undefined)[0]?.words, undefined);
  });

  it("says that places may be chance where the document as a whole shows no difference", () => {
    assert.match(placesNote(report) ?? "", /^The highest of 63 blocks: they show where to look/);
    assert.match(placesNote(changed("random", { addedLow: -0.001 })) ?? "", /chance alone may explain them/);
    const none = structuredClone(report);
    none.swaps!.places = [];
    assert.equal(placesNote(none), undefined);
  });

  it("is absent from reports without it", () => {
    assert.deepEqual(swapsFinding(sampleReport()), []);
    assert.deepEqual(swapPlaces(sampleReport(), SAMPLE_TEXT), []);
    assert.ok(!hasSelectionChecks(sampleReport()) && hasSelectionChecks(report));
  });
});
