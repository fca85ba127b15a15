import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, it } from "node:test";
import { loadTokenizerFile } from "../../../src/model/tokenizer-file.ts";
import { SWAP_NAMES } from "../../../src/protocol/report.ts";
import { crossovers } from "../../../src/report/crossover.ts";
import { finding } from "../../../src/report/finding.ts";
import { readReport } from "../../../src/report/json.ts";

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

describe("shipped sample reports", () => {
  const samples = new URL("samples/", media);
  const names = readdirSync(samples).filter((name) => name.endsWith(".hysparse.json"));

  it("are there", () => {
    assert.deepEqual(names, ["design-note.hysparse.json"]);
  });

  for (const name of names) {
    it(`${name} follows the schema, holds the shipped document, and is small`, () => {
      const text = readFileSync(new URL(name, samples), "utf8");
      assert.ok(text.length < 600_000, `${text.length} bytes`);
      const report = readReport(text, name);
      const document = readFileSync(new URL(name.replace(".hysparse.json", ".md"), samples), "utf8");
      assert.equal(report.document.text, document);
      assert.equal(report.document.sha256, createHash("sha256").update(document, "utf8").digest("hex"));
      assert.equal(report.document.name, `media/samples/${name.replace(".hysparse.json", ".md")}`);
      assert.equal(report.model.weights, "trained");
    });

    it(`${name} has all that the panel can show`, () => {
      const report = readReport(readFileSync(new URL(name, samples), "utf8"), name);
      assert.deepEqual(Object.keys(report.variants), ["hysparse", "full", "hybrid-swa"]);
      for (const oracle of report.selection!.oracles) {
        assert.equal(oracle.timesSelected?.length, report.document.blockRanges.length);
      }
      assert.ok(report.importance!.passages.length > 0);
      assert.ok(report.settings.repetitions >= 3 && report.variants.full!.layers[0]!.decode);
      assert.ok(report.sweep!.points.filter(({ skipped }) => skipped === undefined).length >= 4);
      assert.equal(crossovers(report).length, 4);
      assert.ok(finding(report).length >= 2);
      assert.deepEqual(
        report.swaps!.results.map(({ name: swap }) => swap),
        SWAP_NAMES,
      );
      assert.deepEqual(Object.keys(report.fidelity!.variants), ["hysparse", "full"]);
    });
  }
});
