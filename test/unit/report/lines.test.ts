import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { linesOf } from "../../../src/model/line-ends.ts";
import { snippet } from "../../../src/report/lines.ts";

describe("lines of a text", () => {
  it("ends at LF and CRLF, and has an empty line after a final one", () => {
    assert.deepEqual(
      linesOf("a\r\nbc\n\nd\n").map(({ start, end }) => [start, end]),
      [
        [0, 1],
        [3, 5],
        [6, 6],
        [7, 8],
        [9, 9],
      ],
    );
    assert.deepEqual(linesOf(""), [{ start: 0, end: 0 }]);
  });
});

describe("snippets", () => {
  it("fold white space and are cut with a mark", () => {
    assert.equal(snippet("  one\n\ttwo  three ", 50), "one two three");
    assert.equal(snippet("abcdefgh", 5), "abcd…");
  });

  it("never end in half a character", () => {
    assert.equal(snippet("abc\u{1f600}def", 5), "abc…");
  });
});
