import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadTokenizer } from "../../../src/model/bpe.ts";
import { Random } from "../../../src/model/random.ts";
import { segmentEnd } from "../../../src/model/segments.ts";
import { tinyTokenizerJson } from "../../fixtures/model/tiny-tokenizer.ts";

function segments(text: string, limit: number): string[] {
  const found: string[] = [];
  for (let start = 0; start < text.length;) {
    const end = segmentEnd(text, start, limit);
    assert.ok(end > start && end - start <= limit);
    found.push(text.slice(start, end));
    start = end;
  }
  return found;
}

describe("segmentEnd", () => {
  it("cuts behind words, and at the limit only where there is no word's end", () => {
    assert.deepEqual(segments("one two three", 8), ["one two", " three"]);
    assert.deepEqual(segments("it's its", 4), ["it's", " its"]);
    assert.deepEqual(segments("aaaaaaa", 3), ["aaa", "aaa", "a"]);
    assert.deepEqual(segments("     a b", 7), ["     a", " b"]);
  });

  it("never cuts a surrogate pair", () => {
    for (const limit of [2, 3, 5, 300, 301]) {
      for (const part of segments("🙂".repeat(1000), limit)) assert.ok(!/\p{Surrogate}/u.test(part));
    }
  });

  it("finds the only cut even when it is far from the limit", () => {
    assert.deepEqual(segments(`a ${"b".repeat(5000)}`, 5001), ["a", ` ${"b".repeat(5000)}`]);
  });

  /** The pattern of o200k, which unlike GPT-2's keeps "word's" together and marks with their letters. */
  const o200k = {
    type: "Sequence",
    pretokenizers: [
      {
        type: "Split",
        behavior: "Isolated",
        pattern: {
          Regex:
            "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?" +
            "|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
        },
      },
      { type: "ByteLevel", use_regex: false },
    ],
  };
  const sample = "left right don't isn't 好世 1234 x(); // é e\u0301 left; right; don't; 1234;\r\n\r\n  left /right";
  for (const [name, preTokenizer] of Object.entries({ "GPT-2": undefined, o200k })) {
    it(`cuts where the pre-tokenizer splits anyway: the parts have the tokens of the whole (${name})`, () => {
      const json = tinyTokenizerJson({ sample, ...(preTokenizer && { preTokenizer }) });
      const tokenizer = loadTokenizer(json, "tiny");
      const random = new Random(5);
      const words = [
        "left",
        "don't",
        "好世",
        "1234",
        "x",
        "(",
        ");",
        "\r\n",
        "\n\n",
        "  ",
        " ",
        "//",
        "é",
        "e\u0301",
        "'",
      ];
      let compared = 0;
      for (let round = 0; round < 400; round++) {
        const text = Array.from({ length: 20 }, () => words[random.below(words.length)] ?? "").join("");
        const parts = segments(text, 16);
        // A part that does not end with a word was cut at the limit, where tokens may differ.
        if (!parts.slice(0, -1).every((part) => /[\p{L}\p{N}]$/u.test(part) && part.length < 16)) continue;
        compared++;
        const apart = parts.flatMap((part) => [...tokenizer.encode(part).ids]);
        assert.deepEqual(apart, [...tokenizer.encode(text).ids], JSON.stringify(parts));
      }
      assert.ok(compared > 50, `only ${compared} texts were cut at safe places alone`);
    });
  }
});
