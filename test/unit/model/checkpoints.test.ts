import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { loadCheckpoint } from "../../../src/model/checkpoint.ts";
import { CHECKPOINTS, expectedOf, MODELS } from "../../fixtures/checkpoints/fixtures.ts";

describe("models of other makes", () => {
  for (const family of MODELS) {
    it(`${family}: the ids of the tokenizers library, and ranges that cover the text`, async () => {
      const { tokenizer, design, name } = await loadCheckpoint(join(CHECKPOINTS, family));
      const { text, ids } = await expectedOf(family);
      const encoded = tokenizer.encode(text);
      assert.deepEqual([...encoded.ids], ids);
      assert.equal(design, "full");
      assert.equal(name, family);
      let reached = 0;
      encoded.starts.forEach((start, token) => {
        assert.ok(start <= reached && encoded.ends[token]! >= reached, `token ${token}`);
        reached = encoded.ends[token]!;
      });
      assert.equal(reached, text.length);
      assert.equal(tokenizer.decode(encoded.ids), family.startsWith("qwen") ? text.normalize("NFC") : text);
    });
  }
});
