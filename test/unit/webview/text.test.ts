import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { followText, level, LEVELS, segmentsOf, textModel, type TextLine } from "../../../webview/model/text.ts";
import { sampleState } from "../../panel/states.ts";
import { SAMPLE_TEXT } from "../report/sample-report.ts";

describe("the text in segments", () => {
  const blocksOf = (...ranges: [number, number][]) => ranges.map(([start, end], i) => ({ start, end, level: i % 3 }));
  const linesIn = (segments: readonly (readonly TextLine[])[]): string[] =>
    segments.flat().map(({ pieces }) => pieces.map(({ text }) => text).join(""));

  it("keeps every line of the profiled text, whatever ends it, with its number", () => {
    const segments = textModel(sampleState())?.segments ?? [];
    assert.ok(segments.length > 2);
    assert.equal(linesIn(segments).join("\n"), SAMPLE_TEXT);
    assert.deepEqual(
      segments.flat().map(({ number }) => number),
      segments.flat().map((_, i) => i + 1),
    );
    const odd = "a\r\n\r\nbc\rd\n";
    for (const size of [1, 2, 3, 100]) {
      const ranges = Array.from({ length: Math.ceil(odd.length / size) }, (_, i): [number, number] => [
        i * size,
        Math.min(odd.length, (i + 1) * size),
      ]);
      assert.deepEqual(linesIn(segmentsOf(odd, blocksOf(...ranges))), ["a", "", "bc", "d"], `blocks of ${size}`);
    }
  });

  it("ends where the profiled part ends", () => {
    assert.deepEqual(linesIn(segmentsOf("ab\ncd\nef", blocksOf([0, 4]))), ["ab", "c"]);
    assert.deepEqual(linesIn(segmentsOf("ab", blocksOf())), [""]);
  });

  it("puts each piece into its own block, and the highest level before the line", () => {
    const [lines] = segmentsOf("abcdef\ngh", blocksOf([0, 2], [2, 8], [8, 9]));
    assert.deepEqual(lines, [
      {
        number: 1,
        level: 1,
        pieces: [
          { block: 0, text: "ab" },
          { block: 1, text: "cdef" },
        ],
      },
      {
        number: 2,
        level: 2,
        pieces: [
          { block: 1, text: "g" },
          { block: 2, text: "h" },
        ],
      },
    ]);
  });

  it("gives an overlap to the earlier block and survives an empty one", () => {
    const [[line] = []] = segmentsOf("abcd", blocksOf([0, 3], [2, 2], [2, 4]));
    assert.deepEqual(line?.pieces, [
      { block: 0, text: "abc" },
      { block: 2, text: "d" },
    ]);
  });

  it("does not cut a text without line ends", () => {
    assert.equal(segmentsOf("x".repeat(9000), blocksOf([0, 4500], [4500, 9000])).length, 1);
  });

  it("shades by steps: none for no weight, the last for the highest", () => {
    assert.deepEqual([0, 0.001, 0.5, 1].map(level), [0, 1, LEVELS / 2, LEVELS]);
  });
});

describe("the token view's model", () => {
  it("lists passages with their words, places and how far they stand out", () => {
    const [first] = textModel(sampleState())?.passages ?? [];
    assert.equal(first?.weight, 1);
    assert.match(first.place, /^lines \d+-\d+$/);
    assert.match(
      first.facts,
      /^3\.4x the attention its place predicts \(0\.\d{4} vs\. 0\.\d{4}\); selected by \d of 6 heads$/,
    );
    assert.ok((first.words ?? "").length > 20);
  });

  it("says why there is no text and why nothing can be opened", () => {
    const { text, ...state } = sampleState({ document: "edited" });
    assert.ok(text);
    const model = textModel(state);
    assert.equal(model?.segments, undefined);
    assert.match(model?.whyNoText ?? "", /edited after profiling/);
    assert.equal(model?.unlinked, undefined);
    assert.match(textModel({ ...state, document: "unknown" })?.unlinked ?? "", /not open in this window/);
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
    assert.match(told.unread, /^No sparse layer can read 900 tokens before it/);
    assert.deepEqual(told.oracles[0]?.blocks, [{ block: 2, name: model.blocks[2]!.place }]);
  });
});
