import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { blockRanges } from "../../../src/model/block-ranges.ts";
import { loadTokenizer } from "../../../src/model/bpe.ts";
import { TINY_TOKENIZER } from "../../fixtures/model/checkpoint-folder.ts";

const tokenizer = loadTokenizer(TINY_TOKENIZER, "tiny");

describe("blockRanges", () => {
  it("tiles the text, whatever the block size", () => {
    const text = "naïve 🙂🚀 text,\r\n你好 and then some more of it";
    const encoding = tokenizer.encode(text);
    for (const block of [1, 2, 3, 7, encoding.ids.length - 1, encoding.ids.length, 1000]) {
      const ranges = blockRanges(encoding, block, text.length);
      assert.equal(ranges.length, Math.ceil(encoding.ids.length / block));
      assert.equal(ranges.map(([start, end]) => text.slice(start, end)).join(""), text);
    }
  });

  it("ends a truncated encoding with its last token", () => {
    const text = "abcdefghij";
    const { ids, starts, ends } = tokenizer.encode(text);
    const cut = { ids: ids.subarray(0, 3), starts: starts.subarray(0, 3), ends: ends.subarray(0, 3) };
    assert.equal(blockRanges(cut, 2, text.length).at(-1)?.[1], ends[2]);
  });

  it("gives a character whose bytes two blocks share to the later one", () => {
    const ids = Uint32Array.of(0, 1, 2, 3);
    const encoding = { ids, starts: Uint32Array.of(0, 1, 1, 3), ends: Uint32Array.of(1, 3, 3, 4) };
    assert.deepEqual(blockRanges(encoding, 2, 4), [
      [0, 1],
      [1, 4],
    ]);
  });

  it("is empty for an empty text and refuses another text's encoding", () => {
    assert.deepEqual(blockRanges(tokenizer.encode(""), 64, 0), []);
    assert.throws(() => blockRanges(tokenizer.encode("abc"), 64, 2), RangeError);
  });
});
