import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { followText, segmentsOf, textModel } from "../../../webview/model/text.ts";
import { sampleState } from "../../panel/states.ts";
import { SAMPLE_TEXT } from "../report/sample-report.ts";

describe("the text in segments", () => {
  const blocksOf = (...ranges: [number, number][]) => ranges.map(([start, end]) => ({ start, end, place: "" }));

  it("keeps every character of the profiled text except the line ends between segments", () => {
    const model = textModel(sampleState());
    const segments = model?.segments ?? [];
    assert.ok(segments.length > 2);
    const joined = segments.map((pieces) => pieces.map(({ text }) => text).join("")).join("\n");
    assert.equal(joined, SAMPLE_TEXT);
  });

  it("puts each piece into its own block", () => {
    const [pieces] = segmentsOf("abcdef", blocksOf([0, 2], [2, 6]));
    assert.deepEqual(pieces, [
      { block: 0, text: "ab" },
      { block: 1, text: "cdef" },
    ]);
  });

  it("gives an overlap to the earlier block and survives an empty one", () => {
    const [pieces] = segmentsOf("abcd", blocksOf([0, 3], [2, 2], [2, 4]));
    assert.deepEqual(pieces, [
      { block: 0, text: "abc" },
      { block: 2, text: "d" },
    ]);
  });

  it("does not cut a text without line ends", () => {
    assert.equal(segmentsOf("x".repeat(9000), blocksOf([0, 4500], [4500, 9000])).length, 1);
  });
});

describe("the token view's model", () => {
  it("lists passages with their words, places and how far they stand out", () => {
    const [first] = textModel(sampleState())?.passages ?? [];
    assert.equal(first?.weight, 1);
    assert.match(first.place, /^lines \d+-\d+$/);
    assert.match(
      first.facts,
      /^3\.4 times the attention that its place gets \(0\.\d{4} for 0\.\d{4}\); chosen by \d of 6 heads$/,
    );
    assert.ok((first.words ?? "").length > 20);
  });

  it("says why there is no text and why nothing can be opened", () => {
    const { text, ...state } = sampleState({ document: "edited" });
    assert.ok(text);
    const model = textModel(state);
    assert.equal(model?.segments, undefined);
    assert.match(model?.whyNoText ?? "", /edited after it was profiled/);
    assert.equal(model?.unlinked, undefined);
    assert.match(textModel({ ...state, document: "unknown" })?.unlinked ?? "", /not known to this window/);
    assert.equal(textModel(sampleState())?.unlinked, undefined);
  });

  it("tells what the token at the cursor reads and what only full layers read for it", () => {
    const model = textModel(sampleState());
    assert.ok(model);
    const at = model.blocks[20]!;
    const told = followText(model, {
      token: 1300,
      start: at.start + 5,
      end: at.start + 8,
      line: 88,
      windowStart: model.blocks[18]!.start + 3,
      unreadableTokens: 900,
      oracles: [
        { layer: 0, feeds: [1, 2, 3], blocks: [{ block: 2, heads: 1, score: 0.2 }] },
        { layer: 4, feeds: [5, 6, 7], blocks: [{ block: 2, heads: 2, score: 0.2 }] },
      ],
    });
    assert.equal(told.heads[2], 3);
    assert.equal(told.seenEnd, 21);
    assert.equal(told.windowStart, 18);
    assert.match(told.unread, /^900 tokens before it can be read by no sparse layer/);
    assert.deepEqual(told.oracles[0]?.blocks, [{ block: 2, name: model.blocks[2]!.place }]);
  });
});
