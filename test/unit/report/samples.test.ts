import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, it } from "node:test";
import { loadTokenizerFile } from "../../../src/model/checkpoint.ts";

const media = new URL("../../../media/", import.meta.url);

describe("shipped samples", () => {
  it("are as long in tokens as the README says", async () => {
    const tokenizer = await loadTokenizerFile(fileURLToPath(new URL("model", media)));
    const tokens = (name: string): number =>
      tokenizer.encode(readFileSync(new URL(`samples/${name}`, media), "utf8")).ids.length;
    const note = tokens("design-note.md");
    const code = tokens("retry-queue.ts");
    assert.ok(note >= 3900 && note <= 4050, `design-note.md has ${note} tokens`);
    assert.ok(code >= 1100 && code <= 1300, `retry-queue.ts has ${code} tokens`);
  });

  it("ends the note where its first section must be remembered", () => {
    const note = readFileSync(new URL("samples/design-note.md", media), "utf8");
    assert.ok(note.endsWith("the access code of the maintenance port is"));
    assert.ok(note.indexOf("48213") < 2000);
    assert.equal(note.indexOf("48213"), note.lastIndexOf("48213"));
  });
});
