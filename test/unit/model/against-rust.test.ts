import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { loadTokenizer } from "../../../src/model/bpe.ts";
import { UserError } from "../../../src/model/errors.ts";
import { CASES, TEXTS } from "../../fixtures/tokenizers/cases.ts";
import { digest } from "../../fixtures/tokenizers/digest.ts";

/** Ids that Hugging Face's Rust library gave; see test/fixtures/tokenizers/make.ts. */
const { cases: rust } = JSON.parse(
  readFileSync(new URL("../../fixtures/tokenizers/rust-ids.json", import.meta.url), "utf8"),
) as { cases: Record<string, string[]> };

describe("a tokenizer.json has the ids of Hugging Face's Rust library, or is refused", () => {
  for (const { name, file, refused } of CASES) {
    it(name, () => {
      const json = JSON.stringify(file);
      if (refused === undefined) {
        const tokenizer = loadTokenizer(json, "tokenizer.json");
        const ours = TEXTS.map((text) => digest(tokenizer.encode(text).ids));
        assert.deepEqual(ours, rust[name]);
      } else {
        assert.throws(
          () => TEXTS.forEach((text) => loadTokenizer(json, "some/tokenizer.json").encode(text)),
          (error: unknown) => {
            assert.ok(error instanceof UserError, String(error));
            assert.match(error.message, refused);
            assert.match(error.message, /^some\/tokenizer\.json/);
            return true;
          },
        );
      }
    });
  }

  it("cuts long texts nowhere that shows", () => {
    const [whole] = CASES.filter(({ name }) => name === "the pattern of Llama 3");
    const tokenizer = loadTokenizer(JSON.stringify(whole?.file), "tokenizer.json");
    const text = TEXTS.join(" ");
    const once = tokenizer.encode(`${text}\n`).ids.length;
    assert.equal(tokenizer.encode(`${text}\n`.repeat(50)).ids.length, 50 * once);
  });
});
