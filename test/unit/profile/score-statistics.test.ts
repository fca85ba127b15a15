import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { OracleSelection } from "../../../src/engine/selection.ts";
import { importanceReport } from "../../../src/profile/importance.ts";
import { ScoreStatistics, type AskedQueries } from "../../../src/profile/score-statistics.ts";

const BLOCK = 4;
const BLOCKS = 12;
const TOKENS = BLOCK * BLOCKS;
const LAST: AskedQueries = new Set([TOKENS - 1]);

/** Scores that only depend on place: a sink in block 0 and a decay with distance; `extra` adds what content adds. */
function gather(
  extra: (query: number, block: number) => number,
  asked: AskedQueries = LAST,
  chunk = TOKENS,
): ScoreStatistics {
  const statistics = new ScoreStatistics(TOKENS, BLOCK, 2, asked);
  for (let start = 0; start < TOKENS; start += chunk) {
    const rows = Math.min(chunk, TOKENS - start);
    const blocks = Math.ceil((start + rows) / BLOCK);
    const scores = new Float32Array(rows * 2 * blocks);
    for (let row = 0; row < rows; row++) {
      const own = Math.floor((start + row) / BLOCK);
      for (let head = 0; head < 2; head++) {
        for (let i = 0; i <= own; i++) {
          scores[(row * 2 + head) * blocks + i] = (i === 0 ? 0.3 : 0.2 / (1 + own - i)) + extra(start + row, i);
        }
      }
    }
    statistics.add(0, start, rows, blocks, scores);
  }
  return statistics;
}

function report(statistics: ScoreStatistics, queries: "last-token" | "document"): ReturnType<typeof importanceReport> {
  return importanceReport({
    statistics,
    selection: { oracles: [new OracleSelection(0, 2, 3, TOKENS, BLOCK)] },
    queries,
    tokens: TOKENS,
    blockRanges: Array.from({ length: BLOCKS }, (_, i) => [i * 10, (i + 1) * 10] as const),
    text: "a line ok\n".repeat(BLOCKS),
    includeText: true,
  });
}

describe("importance", () => {
  it("finds the block that only the last token looks at, above sink and recency", () => {
    const { ranges, passages } = report(
      gather((query, block) => (query === TOKENS - 1 && block === 5 ? 0.15 : 0)),
      "last-token",
    );
    assert.equal(ranges[5]?.weight, 1);
    for (const [i, { weight }] of ranges.entries()) if (i !== 5) assert.ok(weight < 0.35, `block ${i}: ${weight}`);
    assert.equal(passages[0]?.block, 5);
    assert.equal(passages[0].startLine, 6);
    assert.equal(passages[0].endLine, 6);
    assert.equal(passages[0].text, "a line ok\n");
  });

  it("gives the sink and recent blocks no weight of their own when nothing else happens", () => {
    const { scores, averages } = gather(() => 0).importance();
    for (let i = 1; i < BLOCKS; i++) {
      assert.ok(Math.abs(scores[i]! - averages[i]!) < 0.02, `block ${i}: ${scores[i]!} against ${averages[i]!}`);
    }
    assert.ok(Math.abs(scores[0]! - averages[0]!) < 0.1, `the sink: ${scores[0]!} against ${averages[0]!}`);
    assert.ok(averages[0]! > 4 * averages[1]!, "the sink is expected to score high");
  });

  it("finds the block that the whole document looks at", () => {
    const { ranges } = report(
      gather((_query, block) => (block === 3 ? 0.1 : 0), "document"),
      "document",
    );
    assert.equal(ranges[3]?.weight, 1);
    assert.equal(ranges[0]?.weight, 0);
  });

  it("does not depend on chunking", () => {
    const extra = (query: number, block: number): number => ((query * 7 + block * 3) % 5) / 100;
    for (const asked of [LAST, "document", new Set([3, 17, 18, 30])] as const) {
      const whole = gather(extra, asked).importance();
      const parts = gather(extra, asked, 5).importance();
      whole.scores.forEach((score, i) => assert.ok(Math.abs(score - parts.scores[i]!) < 1e-9));
      whole.averages.forEach((average, i) => assert.ok(Math.abs(average - parts.averages[i]!) < 1e-9));
    }
  });

  it("answers for any set of queries, counting only the blocks they see", () => {
    const asked = new Set([17, 18, 30]);
    const { scores, averages } = gather(
      (query, block) => (asked.has(query) && block === 2 ? 0.2 : 0),
      asked,
    ).importance();
    const contrast = scores.map((score, i) => score - averages[i]!);
    assert.equal(contrast.indexOf(Math.max(...contrast)), 2);
    const own = 0.2;
    const far = 0.2 / (1 + 3);
    assert.ok(Math.abs(scores[4]! - (2 * own + far) / 3) < 1e-6, "block 4 is seen by all three");
    assert.ok(Math.abs(scores[7]! - own) < 1e-6, "block 7 only by query 30");
    assert.equal(scores[8], 0, "block 8 by none");
  });
});
