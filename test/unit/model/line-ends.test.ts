import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { lineEndsOf, LineMap, lineStarts, linesOf, withPlainEnds } from "../../../src/model/line-ends.ts";
import { LineIndex } from "../../../src/profile/line-index.ts";

const MIXED = "a\r\nbc\n\nd\re\r\r\nf";

/** What an editor holds of a text: one line end for all, by VS Code's majority of those with a carriage return. */
function inEditor(text: string): string {
  const ends = lineEndsOf(text).flatMap(([end, count]) => Array<string>(count).fill(end));
  const returns = ends.filter((end) => end !== "\n").length;
  return withPlainEnds(text).replaceAll("\n", returns > ends.length / 2 ? "\r\n" : "\n");
}

describe("line ends", () => {
  it("are \\n, \\r\\n and a lone \\r, and nothing else, as VS Code counts", () => {
    assert.deepEqual(
      linesOf(MIXED).map(({ start, end }) => MIXED.slice(start, end)),
      ["a", "bc", "", "d", "e", "", "f"],
    );
    assert.deepEqual(lineStarts(MIXED), [0, 3, 6, 7, 9, 11, 13]);
    assert.deepEqual(lineStarts("a\u2028b\u2029c\u0085d\ve\f"), [0]);
    const sixty = "MSH|^~\\&|LAB\r".repeat(60);
    assert.equal(lineStarts(sixty).length, 61);
    assert.deepEqual(new LineIndex(sixty).linesOf(13, 26), { startLine: 2, endLine: 2 });
  });

  it("are kept as runs", () => {
    assert.deepEqual(lineEndsOf("a\nb\nc\r\n"), [
      ["\n", 2],
      ["\r\n", 1],
    ]);
    assert.deepEqual(lineEndsOf("no end"), []);
  });

  it("make no difference to the plain text", () => {
    assert.equal(withPlainEnds(MIXED), "a\nbc\n\nd\ne\n\nf");
    assert.equal(withPlainEnds(inEditor(MIXED)), withPlainEnds(MIXED));
  });

  it("of one text are mapped to another's, every character", () => {
    for (const text of [MIXED, "a\r\nb\nc\nd", "\r\r\r", "", "x\r\ny\r\nz", readFileSync("package.json", "utf8")]) {
      for (const other of [inEditor(text), withPlainEnds(text), withPlainEnds(text).replaceAll("\n", "\r\n")]) {
        const map = new LineMap(other, lineEndsOf(text));
        assert.equal(map.restore(other), text);
        const originals = linesOf(text);
        linesOf(other).forEach(({ start, end }, line) => {
          for (let at = start; at <= end; at++) {
            assert.equal(map.toOriginal(at), originals[line]!.start + at - start);
            assert.equal(map.toOther(map.toOriginal(at)), at);
          }
        });
        assert.equal(map.toOther(text.length), other.length);
        assert.equal(map.toOriginal(other.length), text.length);
      }
    }
  });

  it("inside a line end stay at the end of the line", () => {
    const map = new LineMap("a\nb", lineEndsOf("a\r\nb"));
    assert.deepEqual(
      [0, 1, 2, 3, 4].map((at) => map.toOther(at)),
      [0, 1, 1, 2, 3],
    );
  });
});
