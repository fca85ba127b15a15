import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { messageHere, sentence } from "../../../src/extension/failure-text.ts";
import { UserError, words } from "../../../src/model/errors.ts";

describe("messages of the runtime in the editor", () => {
  it("call settings what the editor calls them, and say where one is only set elsewhere", () => {
    const smaller = { setting: "maxTokens", value: 4096 } as const;
    const engine = { setting: "engine", value: "cpu" } as const;
    const error = new UserError(
      words`${9} GiB; ${smaller} would fit, or use ${engine} or a smaller ${{ setting: "chunk" }}`,
    );
    assert.equal(error.message, "9 GiB; --max-tokens 4096 would fit, or use --engine cpu or a smaller --chunk");
    assert.equal(
      messageHere(error),
      "9 GiB; hysparse.maxTokens 4096 would fit, or use hysparse.engine cpu or a smaller --chunk (command line)",
    );
    assert.equal(messageHere(new UserError("a file called --engine")), "a file called --engine");
    assert.equal(messageHere("thrown"), "thrown");
  });

  it("keep words that were put together before", () => {
    const wayOut = words`leave out ${{ setting: "swaps" }}`;
    assert.equal(new UserError(words`no: ${wayOut}!`).message, "no: leave out --swaps!");
  });

  it("are sentences", () => {
    assert.equal(sentence(" there is no model "), "There is no model.");
    assert.equal(sentence("Is it there?"), "Is it there?");
  });
});
