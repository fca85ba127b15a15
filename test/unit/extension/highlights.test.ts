import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TrackedText } from "../../../src/extension/highlights/edits.ts";
import { Frame } from "../../../src/extension/highlights/frame.ts";
import { cursorLines, hoverLines } from "../../../src/extension/highlights/hover-text.ts";
import { escapeMarkdown } from "../../../src/extension/highlights/markdown.ts";
import { neighbour, passageSpans } from "../../../src/extension/highlights/passages.ts";
import {
  blockAt,
  cursorSpans,
  importanceSpans,
  LEVELS,
  levelOf,
  type Span,
} from "../../../src/extension/highlights/ranges.ts";
import type { ImportanceRange } from "../../../src/protocol/report.ts";
import type { Cursor } from "../../../src/protocol/panel.ts";
import { sampleReport } from "../report/sample-report.ts";

const inPlace = (start: number, end: number): Span => [start, end];

function range(start: number, end: number, weight: number): ImportanceRange {
  return { start, end, weight, score: 0.1, average: 0.05, selectedBy: 1 };
}

describe("importance as ranges", () => {
  it("grades weights, and leaves those of zero alone", () => {
    assert.equal(levelOf(0, LEVELS), 0);
    assert.equal(levelOf(0.001, LEVELS), 1);
    assert.equal(levelOf(1, LEVELS), LEVELS);
  });

  it("joins neighbours of one level only", () => {
    const ranges = [range(0, 10, 0.9), range(10, 20, 1), range(20, 30, 0.1), range(30, 40, 0), range(40, 50, 0.1)];
    const levels = importanceSpans(ranges, inPlace);
    assert.deepEqual(levels[4], [[0, 20]]);
    assert.deepEqual(levels[0], [
      [20, 30],
      [40, 50],
    ]);
    assert.deepEqual([levels[1], levels[2], levels[3]], [[], [], []]);
  });

  it("after an edit leaves out the touched block and moves the others", () => {
    const text = new TrackedText(30, 100);
    text.apply([{ offset: 112, removed: 1, inserted: 6 }]);
    const ranges = [range(0, 10, 1), range(10, 20, 1), range(20, 30, 1)];
    assert.deepEqual(importanceSpans(ranges, (start, end) => text.toDocument(start, end))[4], [
      [100, 110],
      [125, 135],
    ]);
  });
});

const CURSOR: Cursor = {
  token: 35,
  start: 350,
  end: 355,
  line: 12,
  oracles: [
    {
      layer: 0,
      feeds: [1, 2],
      blocks: [
        { block: 0, heads: 2, score: 0.9 },
        { block: 3, heads: 1, score: 0.3 },
      ],
    },
    // Feeds nobody: what it selects reaches no sparse layer.
    { layer: 4, feeds: [], blocks: [{ block: 1, heads: 2, score: 0.8 }] },
  ],
  windowStart: 280,
  unreadableTokens: 18,
};
const BLOCKS: Span[] = [
  [0, 100],
  [100, 200],
  [200, 300],
  [300, 400],
  [400, 500],
];

describe("what the token at the cursor reads, as ranges", () => {
  it("selected blocks up to the token, its window, and what no sparse layer reads", () => {
    const { selected, window, unreadable } = cursorSpans(CURSOR, BLOCKS, inPlace);
    assert.deepEqual(selected, [[[300, 355]], [], [[0, 100]]]);
    assert.deepEqual(window, [[280, 355]]);
    assert.deepEqual(unreadable, [[100, 280]]);
  });

  it("dims nothing where every token can be read", () => {
    assert.deepEqual(cursorSpans({ ...CURSOR, unreadableTokens: 0 }, BLOCKS, inPlace).unreadable, []);
  });

  it("never gives a range that an edit touched", () => {
    const { selected } = cursorSpans(CURSOR, BLOCKS, (start, end) => (start < 100 ? undefined : [start, end]));
    assert.deepEqual(selected[2], []);
  });
});

describe("blockAt", () => {
  it("finds the block of a character, and none beyond the text", () => {
    assert.equal(blockAt(BLOCKS, 0), 0);
    assert.equal(blockAt(BLOCKS, 99), 0);
    assert.equal(blockAt(BLOCKS, 100), 1);
    assert.equal(blockAt(BLOCKS, 499), 4);
    assert.equal(blockAt(BLOCKS, 500), undefined);
    assert.equal(blockAt([], 0), undefined);
  });
});

describe("passages", () => {
  const { passages } = sampleReport().importance!;

  it("come in the order of the document", () => {
    const spans = passageSpans(passages, inPlace);
    assert.ok(spans.length > 2);
    assert.deepEqual(
      spans.map(([start]) => start),
      passages.map(({ start }) => start).sort((a, b) => a - b),
    );
  });

  it("next and previous go round", () => {
    const spans: Span[] = [
      [10, 20],
      [50, 60],
      [90, 95],
    ];
    assert.deepEqual(neighbour(spans, 0, "next"), [10, 20]);
    assert.deepEqual(neighbour(spans, 10, "next"), [50, 60]);
    assert.deepEqual(neighbour(spans, 90, "next"), [10, 20]);
    assert.deepEqual(neighbour(spans, 50, "previous"), [10, 20]);
    assert.deepEqual(neighbour(spans, 10, "previous"), [90, 95]);
    assert.equal(neighbour([], 10, "next"), undefined);
  });
});

describe("the hover's words", () => {
  it("name the queries, every full layer, expectation and selection", () => {
    const report = sampleReport();
    const text = hoverLines(report, 3, false).join("\n");
    assert.match(text, /for the (?:whole document|last token)/u);
    assert.match(text, /Block 3 of \d+/u);
    assert.match(text, /expected at this place: contrast [+-]\d\.\d{4}/u);
    for (const { layer } of report.importance!.layers) assert.ok(text.includes(`${layer}: `), `layer ${layer}`);
    assert.match(text, /For the last token, \d+ of \d+ oracle heads selected it/u);
    assert.doesNotMatch(text, /edited/u);
  });

  it("say when the document was edited", () => {
    assert.match(hoverLines(sampleReport(), 3, true).join("\n"), /edited since it was profiled/u);
  });

  it("tell in how many selections a block was", () => {
    const report = sampleReport();
    const oracles = report.selection!.oracles.map((oracle) => ({
      ...oracle,
      timesSelected: report.document.blockRanges.map((_, block) => 100 + block),
    }));
    const text = hoverLines({ ...report, selection: { ...report.selection!, oracles } }, 3, false).join("\n");
    const feeding = oracles.find(({ feeds }) => feeds.length > 0)!;
    const cases = (report.document.tokens - 3 * 64) * 2;
    assert.ok(text.includes(`layer ${feeding.layer} in 103`), text);
    assert.ok(text.includes(`of ${cases.toLocaleString("en-US")} cases`), text);
  });

  it("are none for a block that there is not, or without importance", () => {
    assert.deepEqual(hoverLines(sampleReport(), 1e6, false), []);
    assert.deepEqual(hoverLines(sampleReport({ synthetic: true }), 0, false), []);
  });

  it("tell selected, windowed and unreadable blocks of the cursor's token apart", () => {
    assert.match(cursorLines(CURSOR, 0, BLOCKS[0]!).join(), /line 12\) selects this block: layer 0 \(2 KV heads/u);
    assert.match(cursorLines(CURSOR, 1, BLOCKS[1]!).join(), /cannot read this block in any sparse layer/u);
    assert.match(cursorLines(CURSOR, 2, BLOCKS[2]!).join(), /sliding window/u);
    assert.deepEqual(cursorLines(CURSOR, 4, BLOCKS[4]!), []);
  });
});

describe("Frame", () => {
  it("does the first wish at once and of the following only the newest, with the time of the oldest", async () => {
    const done: [wish: number, since: number][] = [];
    const frame = new Frame<number>((wish, since) => done.push([wish, since]), 30);
    const before = performance.now();
    for (const wish of [1, 2, 3]) frame.ask(wish);
    assert.deepEqual(
      done.map(([wish]) => wish),
      [1],
    );
    const asked = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 80));
    assert.deepEqual(
      done.map(([wish]) => wish),
      [1, 3],
    );
    assert.ok(done[1]![1] >= before && done[1]![1] <= asked);
  });

  it("does nothing after its end", async () => {
    const done: number[] = [];
    const frame = new Frame<number>((wish) => done.push(wish), 10);
    frame.ask(1);
    frame.ask(2);
    frame.dispose();
    await new Promise((resolve) => setTimeout(resolve, 40));
    assert.deepEqual(done, [1]);
  });
});

describe("Markdown of the hover", () => {
  it("shows what was written, whatever it holds", () => {
    assert.equal(
      escapeMarkdown("a_b [x](command:y) <b> 1. &amp; 0.5"),
      "a\\_b \\[x\\]\\(command:y\\) \\<b\\> 1\\. \\&amp; 0\\.5",
    );
  });
});
