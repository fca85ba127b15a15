import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inSettings, sentence } from "../../../src/extension/failure-text.ts";

describe("messages of the runtime in the editor", () => {
  it("name settings instead of options", () => {
    assert.equal(
      inSettings("it needs 9 GiB; --max-tokens 4096 would fit, or use --engine cpu without --gpu 1"),
      "it needs 9 GiB; hysparse.maxTokens 4096 would fit, or use hysparse.engine cpu without hysparse.gpu 1",
    );
    assert.equal(inSettings("run it with --variants full"), "run it with hysparse.variants full");
    assert.equal(inSettings("--max-tokensx stays"), "--max-tokensx stays");
  });

  it("are sentences", () => {
    assert.equal(sentence(" there is no model "), "There is no model.");
    assert.equal(sentence("Is it there?"), "Is it there?");
  });
});
